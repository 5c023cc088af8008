#include "connection_run.hpp"

#include "relay_message.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace parrhesia::bench {
namespace {

// Matches nothing that is stored: the answer is EOSE alone.
std::string subscription(std::size_t number) {
    return fmt::format(R"(["REQ","idle",{{"authors":["{:064x}"],"kinds":[1]}}])", number + 1);
}

class ConnectRun final : private Run {
  public:
    explicit ConnectRun(const ConnectionOptions& options)
        : Run(options.common), settings_(options) {}

    [[nodiscard]] Report run() {
        start_clock();
        for (std::size_t i = 0; i < settings_.at_once; ++i) start_one();
        const bool is_complete = run_until_quiet(std::chrono::seconds(15));
        Report report = make_report("connect", "connection", done_);
        report.set("connections", static_cast<double>(started_.size()));
        if (!is_complete) fail_if(report, started_.size() - done_, "without EOSE for 15 s");
        fail_if(report, stray_, "stray messages");
        return report;
    }

  private:
    void start_one() {
        if (started_.size() == settings_.connections) return;
        const std::size_t number = started_.size();
        started_.push_back(Clock::now());
        Client::Handler& self = *this;
        mine_.push_back(std::make_unique<Client>(loop_, self, traffic_, number));
        mine_.back()->start(target_);
    }
    void on_open(Client& client) override { client.send_text(subscription(client.number())); }
    void on_text(Client& client, std::string_view text) override {
        if (parse_relay_message(text).type != RelayMessage::Type::eose) {
            ++stray_;
            return;
        }
        const TimePoint now = Clock::now();
        latency_.record(nanoseconds_since(started_[client.number()], now));
        count_done(now);
        client.close();
        if (++done_ == settings_.connections) loop_.stop();
        start_one();
    }

    const ConnectionOptions settings_;
    std::vector<TimePoint> started_;
    std::vector<std::unique_ptr<Client>> mine_;
    std::uint64_t done_ = 0;
    std::uint64_t stray_ = 0;
};

class IdleRun final : private Run {
  public:
    explicit IdleRun(const ConnectionOptions& options) : Run(options.common), settings_(options) {}

    [[nodiscard]] Report run() {
        if (options_.pid == 0) throw std::runtime_error("idle measures memory: it needs --pid");
        start_clock();
        open_clients(settings_.connections);
        const double before = static_cast<double>(use_of(options_.pid).resident_bytes);
        for (std::size_t i = 0; i < client_count(); ++i) client(i).send_text(subscription(i));
        const bool is_complete = run_until_quiet(std::chrono::seconds(15));
        Report report = make_report("idle", "connection", ready_);
        const auto count = static_cast<double>(client_count());
        const double bytes = 1e6 * (report.get("resident_mb") - report.get("resident_before_mb"));
        report.set("bytes_per_connection", bytes / count);
        report.set("bytes_per_subscription", (1e6 * report.get("resident_mb") - before) / count);
        if (!is_complete) fail_if(report, client_count() - ready_, "without EOSE for 15 s");
        return report;
    }

  private:
    void on_text(Client& /*client*/, std::string_view text) override {
        if (parse_relay_message(text).type != RelayMessage::Type::eose) return;
        count_done(Clock::now());
        if (++ready_ == client_count()) loop_.stop();
    }

    const ConnectionOptions settings_;
    std::uint64_t ready_ = 0;
};

}  // namespace

Report run_connect(const ConnectionOptions& options) { return ConnectRun(options).run(); }
Report run_idle(const ConnectionOptions& options) { return IdleRun(options).run(); }

}  // namespace parrhesia::bench
