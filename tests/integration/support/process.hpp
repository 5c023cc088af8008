// A child process with pipes, ended when the test is.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace parrhesia::test {

// Threading: one thread uses it; two of its own collect what the child writes.
class ChildProcess {
  public:
    using Deadline = std::chrono::seconds;

    // Starts `program` with `arguments`; `environment` ("NAME=value") is added
    // to ours without its PARRHESIA_ variables. Standard
    // input is a pipe: write_input(), close_input(). Errors: throws std::system_error; a program
    // that cannot be run exits with 127.
    explicit ChildProcess(const std::string& program, const std::vector<std::string>& arguments,
                          const std::vector<std::string>& environment = {});
    ~ChildProcess();  // kills it
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    // Blocks while the pipe is full. False when the child does not read any more.
    bool write_input(std::string_view text);
    void close_input();

    void signal(int number) const;
    // The exit code, or 128 + the signal that ended it; nothing when it runs on.
    [[nodiscard]] std::optional<int> wait(Deadline limit = Deadline(60));

    // What it has written so far; complete after wait().
    [[nodiscard]] std::string output() const;
    [[nodiscard]] std::string errors() const;
    // Waits until a complete line of the output starts with `start`, and gives what follows.
    [[nodiscard]] std::optional<std::string> wait_for_line(std::string_view start,
                                                           Deadline limit = Deadline(60)) const;

    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    void collect(int descriptor, std::string& into);

    pid_t pid_ = -1;
    int input_ = -1;
    std::optional<int> exit_code_;
    std::thread output_reader_;
    std::thread errors_reader_;

    mutable std::mutex mutex_;
    // guarded by mutex_
    std::string output_;
    std::string errors_;
};

// Calls `condition` until it holds; false when it does not in time.
template <class Condition>
[[nodiscard]] bool becomes(Condition condition,
                           std::chrono::seconds limit = std::chrono::seconds(60)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace parrhesia::test
