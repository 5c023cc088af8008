// The real relay on free ports and a store of its own.
#pragma once

#include "integration/support/process.hpp"
#include "support/temporary_folder.hpp"

#include <sys/resource.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::test {

// Threading: one thread. Errors: throws std::runtime_error with the relay's own words.
class RelayProcess {
  public:
    // `settings` are given with --set. Starts at once.
    explicit RelayProcess(std::vector<std::string> settings = {});

    // After kill() or wait(): the same store, other ports.
    void start();
    void kill();
    void signal(int number) const { child_->signal(number); }
    // The exit code; 128 + signal when one ended it; -1 when it runs on.
    [[nodiscard]] int wait();
    // SIGTERM, then wait().
    [[nodiscard]] int terminate();

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::uint16_t admin_port() const { return admin_port_; }
    // Of a relay with cluster.enabled = true.
    [[nodiscard]] std::uint16_t mesh_port() const;
    [[nodiscard]] const std::filesystem::path& store_path() const { return folder_.path(); }

    // The value of a metric, by its name and labels as rendered; 0 when it is not there.
    [[nodiscard]] double metric(std::string_view name) const;
    [[nodiscard]] bool metric_becomes(std::string_view name, double value) const;
    // Waits until the log contains `text`.
    [[nodiscard]] bool log_has(std::string_view text) const;

    // All that it has logged since it was started last.
    [[nodiscard]] std::string log() const { return child_->errors(); }
    [[nodiscard]] pid_t pid() const { return child_->pid(); }

    // A stand-in for a full disk: files may not grow beyond it (RLIMIT_FSIZE).
    void limit_file_size(rlim_t bytes) const;
    [[nodiscard]] rlim_t largest_store_file_bytes() const;

  private:
    const TemporaryFolder folder_;
    const std::vector<std::string> settings_;
    std::unique_ptr<ChildProcess> child_;
    std::uint16_t port_ = 0;
    std::uint16_t admin_port_ = 0;
};

}  // namespace parrhesia::test
