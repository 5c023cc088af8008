// A relay of ours as a child process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace parrhesia::bench {

// Threading: one thread.
class RelayProcess {
  public:
    // `command` is the program and its arguments. What it logs goes where our own errors go.
    // Errors: throws std::runtime_error that names the program.
    explicit RelayProcess(const std::vector<std::string>& command);
    ~RelayProcess();  // kills it, unless stop() was called
    RelayProcess(const RelayProcess&) = delete;
    RelayProcess& operator=(const RelayProcess&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    // Returns the URL that it says it listens on. Once.
    // Errors: throws std::runtime_error when it ends before, or takes longer than `limit`.
    [[nodiscard]] std::string wait_until_listening(std::chrono::seconds limit);
    // SIGTERM; true when it then ended with exit code 0.
    [[nodiscard]] bool stop();

  private:
    pid_t pid_ = 0;
    int output_ = -1;  // the reading end of its standard output
};

}  // namespace parrhesia::bench
