#include "relay_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace parrhesia::bench {
namespace {

constexpr std::string_view kListening = "listening ";

// The URL in the line that announces it, once that line is complete.
std::string url_in(std::string_view output) {
    const std::size_t at = output.find(kListening);
    if (at == std::string_view::npos) return {};
    const std::size_t end = output.find('\n', at);
    if (end == std::string_view::npos) return {};
    const std::size_t begin = at + kListening.size();
    return std::string(output.substr(begin, end - begin)) + "/";
}

}  // namespace

RelayProcess::RelayProcess(const std::vector<std::string>& command) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe can be made");
    std::vector<std::string> words = command;
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
    const int error =
        ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    output_ = pipe[0];
    if (error != 0) {
        ::close(output_);
        throw std::runtime_error(
            fmt::format("{}: cannot be started: {} (--relay)", command[0], std::strerror(error)));
    }
}

RelayProcess::~RelayProcess() {
    ::close(output_);
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

std::string RelayProcess::wait_until_listening(std::chrono::seconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    std::string output;
    std::array<char, 4096> chunk{};
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd readable{output_, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) == 0) {
            throw std::runtime_error(
                fmt::format("the relay does not listen after {} s", limit.count()));
        }
        const ssize_t count = ::read(output_, chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) throw std::runtime_error("the relay ended before it listened");
        output.append(chunk.data(), static_cast<std::size_t>(count));
        std::string url = url_in(output);
        if (!url.empty()) return url;
    }
}

bool RelayProcess::stop() {
    ::kill(pid_, SIGTERM);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace parrhesia::bench
