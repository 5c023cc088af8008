// A child process with pipes to its three standard streams.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace parrhesia::test {

// Whatever it waits for, it goes on reading the child's output, so the child never blocks on that.
// The environment is the test's own without PARRHESIA_ variables, plus the given ones.
//
// Threading: one thread. Lifetime: a child that still runs is killed and reaped on destruction; it
// also dies with the thread that made it.
class Process {
  public:
    using Milliseconds = std::chrono::milliseconds;
    using Environment = std::map<std::string, std::string>;
    // Generous, since test machines are busy: a failing test waits this long, a passing one never.
    static constexpr Milliseconds kPatience{60'000};

    // Errors: throws std::system_error. A program that cannot be started exits with 127.
    explicit Process(std::vector<std::string> arguments, const Environment& variables = {}) {
        for (Pipe& pipe : pipes_) pipe.open();
        std::vector<std::string> environment = inherited_environment();
        for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
        const std::vector<char*> argv = pointers_to(arguments);
        const std::vector<char*> envp = pointers_to(environment);
        pid_ = ::fork();
        if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
        if (pid_ == 0) become(argv, envp);
        pipes_[0].close_reading();
        pipes_[1].close_writing();
        pipes_[2].close_writing();
        ::fcntl(pipes_[0].writing, F_SETFL, O_NONBLOCK);
    }
    ~Process() {
        if (!has_exited()) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    // What it has written so far (as of the last wait).
    [[nodiscard]] const std::string& out() const noexcept { return out_; }
    [[nodiscard]] const std::string& err() const noexcept { return err_; }

    // False when the child has closed its input or does not read it in time.
    [[nodiscard]] bool write(std::string_view text, Milliseconds patience = kPatience) {
        input_ = text;
        return wait_for([this] { return input_.empty(); }, patience) && input_.empty();
    }
    void close_input() { pipes_[0].close_writing(); }
    // What is not read any more breaks the child's pipe.
    void close_output() { pipes_[1].close_reading(); }

    void send_signal(int signal) const { ::kill(pid_, signal); }

    // True as soon as `condition` holds; false when the child ends first or the patience does.
    [[nodiscard]] bool wait_for(const std::function<bool()>& condition,
                                Milliseconds patience = kPatience) {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (!condition()) {
            if (has_exited()) {
                drain();
                return condition();
            }
            if (std::chrono::steady_clock::now() >= deadline) return false;
            pump(Milliseconds(20));
        }
        return true;
    }
    [[nodiscard]] bool wait_for_out(std::string_view text, Milliseconds patience = kPatience) {
        return wait_for([&] { return out_.find(text) != std::string::npos; }, patience);
    }
    [[nodiscard]] bool wait_for_err(std::string_view text, Milliseconds patience = kPatience) {
        return wait_for([&] { return err_.find(text) != std::string::npos; }, patience);
    }

    // The exit code, 128 + N after death by signal N; nothing if it still runs.
    [[nodiscard]] std::optional<int> wait(Milliseconds patience = kPatience) {
        [[maybe_unused]] const bool ended = wait_for([this] { return has_exited(); }, patience);
        if (!exit_code_) return std::nullopt;
        drain();
        return exit_code_;
    }

  private:
    struct Pipe {
        int reading = -1;
        int writing = -1;

        Pipe() = default;
        Pipe(const Pipe&) = delete;
        Pipe& operator=(const Pipe&) = delete;
        ~Pipe() {
            close_reading();
            close_writing();
        }
        void open() {
            int ends[2];
            if (::pipe2(ends, O_CLOEXEC) != 0) {
                throw std::system_error(errno, std::generic_category(), "pipe2");
            }
            reading = ends[0];
            writing = ends[1];
        }
        void close_reading() { close(reading); }
        void close_writing() { close(writing); }
        static void close(int& descriptor) {
            if (descriptor >= 0) ::close(descriptor);
            descriptor = -1;
        }
    };

    static std::vector<std::string> inherited_environment() {
        std::vector<std::string> result;
        for (char** entry = environ; *entry != nullptr; ++entry) {
            if (!std::string_view(*entry).starts_with("PARRHESIA_")) result.emplace_back(*entry);
        }
        return result;
    }
    static std::vector<char*> pointers_to(std::vector<std::string>& texts) {
        std::vector<char*> result;
        for (std::string& text : texts) result.push_back(text.data());
        result.push_back(nullptr);
        return result;
    }

    // In the child: only calls that are safe after fork().
    [[noreturn]] void become(const std::vector<char*>& argv, const std::vector<char*>& envp) const {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(pipes_[0].reading, STDIN_FILENO);
        ::dup2(pipes_[1].writing, STDOUT_FILENO);
        ::dup2(pipes_[2].writing, STDERR_FILENO);
        ::execve(argv[0], argv.data(), envp.data());
        ::_exit(127);
    }

    [[nodiscard]] bool has_exited() {
        if (exit_code_) return true;
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
        exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return true;
    }

    // Moves what can be moved, waiting at most `patience` for something.
    bool pump(Milliseconds patience) {
        std::array<pollfd, 3> waiting = {
            pollfd{pipes_[1].reading, POLLIN, 0}, pollfd{pipes_[2].reading, POLLIN, 0},
            pollfd{input_.empty() ? -1 : pipes_[0].writing, POLLOUT, 0}};
        if (::poll(waiting.data(), waiting.size(), static_cast<int>(patience.count())) <= 0) {
            return false;
        }
        bool moved = false;
        if (waiting[0].revents != 0) moved |= read_into(out_, pipes_[1]);
        if (waiting[1].revents != 0) moved |= read_into(err_, pipes_[2]);
        if (waiting[2].revents != 0) moved |= write_some();
        return moved;
    }
    void drain() {
        while (pump(Milliseconds(0))) {
        }
    }
    static bool read_into(std::string& text, Pipe& pipe) {
        char buffer[65536];
        const ssize_t count = ::read(pipe.reading, buffer, sizeof buffer);
        if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
        if (count == 0) pipe.close_reading();
        return count > 0;
    }
    bool write_some() {
        // A child that has gone must not take the test with it.
        const auto before = std::signal(SIGPIPE, SIG_IGN);
        const ssize_t count = ::write(pipes_[0].writing, input_.data(), input_.size());
        std::signal(SIGPIPE, before);
        if (count > 0) input_.remove_prefix(static_cast<std::size_t>(count));
        if (count < 0 && errno != EAGAIN) close_input();
        return count > 0;
    }

    pid_t pid_ = -1;
    std::array<Pipe, 3> pipes_;
    std::string_view input_;  // what write() has not written yet
    std::string out_;
    std::string err_;
    std::optional<int> exit_code_;
};

}  // namespace parrhesia::test
