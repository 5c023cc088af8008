#include "integration/support/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace parrhesia::test {
namespace {

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            throw std::system_error(errno, std::generic_category(), "pipe2");
        }
        read_end = ends[0];
        write_end = ends[1];
    }
    int read_end = -1;
    int write_end = -1;
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (std::string& string : strings) result.push_back(string.data());
    result.push_back(nullptr);
    return result;
}

}  // namespace

ChildProcess::ChildProcess(const std::string& program, const std::vector<std::string>& arguments,
                           const std::vector<std::string>& environment) {
    ::signal(SIGPIPE, SIG_IGN);
    const Pipe in;
    const Pipe out;
    const Pipe err;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.read_end, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out.write_end, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err.write_end, STDERR_FILENO);
    // What the child inherits of signals is the default, whatever the test runner has set.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t all_signals;
    sigfillset(&all_signals);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes, &all_signals);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);

    std::vector<std::string> words{program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        // The relay's own would change what a test sees.
        const std::string_view text(*variable);
        if (!text.starts_with("PARRHESIA_")) variables.emplace_back(text);
    }
    variables.insert(variables.end(), environment.begin(), environment.end());
    const int failed = ::posix_spawn(&pid_, program.c_str(), &actions, &attributes,
                                     pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    for (const int child_end : {in.read_end, out.write_end, err.write_end}) ::close(child_end);
    if (failed != 0) {
        for (const int our_end : {in.write_end, out.read_end, err.read_end}) ::close(our_end);
        throw std::system_error(failed, std::generic_category(), program);
    }
    input_ = in.write_end;
    output_reader_ = std::thread([this, from = out.read_end] { collect(from, output_); });
    errors_reader_ = std::thread([this, from = err.read_end] { collect(from, errors_); });
}

ChildProcess::~ChildProcess() {
    if (!exit_code_) {
        signal(SIGKILL);
        static_cast<void>(wait());
    }
    close_input();
    if (output_reader_.joinable()) output_reader_.join();
    if (errors_reader_.joinable()) errors_reader_.join();
}

void ChildProcess::collect(int descriptor, std::string& into) {
    std::array<char, 16384> chunk{};
    for (;;) {
        const ssize_t got = ::read(descriptor, chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        const std::scoped_lock lock(mutex_);
        into.append(chunk.data(), static_cast<std::size_t>(got));
    }
    ::close(descriptor);
}

bool ChildProcess::write_input(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(input_, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

void ChildProcess::close_input() {
    if (input_ >= 0) ::close(input_);
    input_ = -1;
}

void ChildProcess::signal(int number) const {
    if (!exit_code_) ::kill(pid_, number);
}

std::optional<int> ChildProcess::wait(Deadline limit) {
    const bool ended = becomes(
        [this] {
            if (exit_code_) return true;
            int status = 0;
            if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
            exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            return true;
        },
        limit);
    if (!ended) return std::nullopt;
    if (output_reader_.joinable()) output_reader_.join();
    if (errors_reader_.joinable()) errors_reader_.join();
    return exit_code_;
}

std::string ChildProcess::output() const {
    const std::scoped_lock lock(mutex_);
    return output_;
}

std::string ChildProcess::errors() const {
    const std::scoped_lock lock(mutex_);
    return errors_;
}

std::optional<std::string> ChildProcess::wait_for_line(std::string_view start,
                                                       Deadline limit) const {
    std::optional<std::string> found;
    static_cast<void>(becomes(
        [&] {
            const std::string text = "\n" + output();
            const std::size_t at = text.find("\n" + std::string(start));
            if (at == std::string::npos) return false;
            const std::size_t from = at + 1 + start.size();
            const std::size_t end = text.find('\n', from);
            if (end == std::string::npos) return false;
            found = text.substr(from, end - from);
            return true;
        },
        limit));
    return found;
}

}  // namespace parrhesia::test
