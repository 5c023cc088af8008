// What all modes share: connections, the clock, what the relay used meanwhile.
#pragma once

#include "client.hpp"
#include "event_table.hpp"
#include "histogram.hpp"
#include "loop.hpp"
#include "process_use.hpp"
#include "report.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::bench {

struct CommonOptions {
    std::string url = "ws://127.0.0.1:7777/";
    std::string name;  // of the report; the mode's when empty
    pid_t pid = 0;     // of the relay; 0: its CPU and memory are not measured
};

// Threading: one thread.
class Run : protected Client::Handler {
  public:
    ~Run() override = default;
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

  protected:
    explicit Run(const CommonOptions& options);

    // Adds clients and returns when all are open; in turn at `urls`, or all at the run's.
    // Errors: throws std::runtime_error with the reason of the first that fails.
    void open_clients(std::size_t count, const std::vector<std::string>& urls = {});
    [[nodiscard]] Client& client(std::size_t number) { return *clients_[number]; }
    [[nodiscard]] std::size_t client_count() const noexcept { return clients_.size(); }

    void start_clock();
    // Counts towards the throughput, and as a sign of life for run_until_quiet().
    void count_done(TimePoint now, std::uint64_t count = 1);
    // Runs the loop until it is stopped, or nothing was counted for `quiet`. False: the latter.
    [[nodiscard]] bool run_until_quiet(std::chrono::seconds quiet);

    // Rate and CPU are per `unit`, of which `done` were done since start_clock().
    [[nodiscard]] Report make_report(std::string_view mode, std::string_view unit,
                                     std::uint64_t done);
    // A failure with a count, unless the count is 0.
    static void fail_if(Report& report, std::uint64_t count, std::string_view what);

    // Modes override on_message; connections lost count as failures of the run.
    void on_open(Client& client) override;
    void on_lost(Client& client, std::string_view reason) override;
    [[nodiscard]] std::uint64_t lost_count() const noexcept { return lost_; }

    const CommonOptions options_;
    const Target target_;
    Loop loop_;
    Traffic traffic_;
    Histogram latency_;

  private:
    void start_next();

    std::vector<Target> open_at_;  // during open_clients()
    std::vector<std::unique_ptr<Client>> clients_;
    std::size_t to_open_ = 0;  // clients wanted, during open_clients()
    std::size_t opened_ = 0;
    std::uint64_t lost_ = 0;
    std::string lost_reason_;

    TimePoint start_;
    TimePoint last_done_;
    ProcessUse server_start_;
    ProcessUse own_start_;
    std::vector<std::uint64_t> done_per_slice_;
};

}  // namespace parrhesia::bench
