// Live delivery at a fixed rate for a long time, while subscriptions and connections come and go.
#pragma once

#include "app/corpus_random.hpp"
#include "delivery_ledger.hpp"
#include "live_filters.hpp"
#include "run.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::bench {

struct SoakOptions {
    CommonOptions common;
    CorpusPart corpus;              // only regular kinds of it are published
    std::string by = "everything";  // what subscribers ask for: everything, authors, kinds, tags
    std::size_t subscribers = 100;
    std::size_t publishers = 4;
    std::size_t authors_per_filter = 20;
    double rate = 100;  // events a second
    // Changes a second. One half: a subscription leaves once it has got what it is owed, and
    // another one begins on its connection. The other: a connection is cut, another one takes its
    // place.
    double churn = 10;
};

class SoakRun : private Run {
  public:
    explicit SoakRun(const SoakOptions& options);
    ~SoakRun() override = default;
    [[nodiscard]] Report run();

  private:
    using Number = EventTable::Number;
    using Span = DeliveryLedger::Span;

    // One subscriber: a connection with one subscription, each replaced now and then.
    struct Slot {
        std::unique_ptr<Client> client;
        std::size_t filter = 0;
        std::optional<Span> span;      // none: the connection is not open yet
        std::optional<Span> previous;  // closed, but its last deliveries may be on their way
        bool is_settled = false;       // has its EOSE, and is not about to leave
        bool is_leaving = false;
        TimePoint leaving_since;
    };

    void connect(std::size_t slot);
    void subscribe(Slot& slot);
    void resubscribe(Slot& slot);
    void cut(std::size_t slot);
    void end_span(Slot& slot);

    void schedule_events();
    void schedule_churn();
    void schedule_overdue();
    void change_one();
    void publish(TimePoint due);
    void stop_when_done();

    void on_open(Client& client) override;
    void on_text(Client& client, std::string_view text) override;
    void on_eose(Slot& slot, std::string_view subscription);
    void on_delivery(Slot& slot, std::string_view subscription, std::string_view json);
    void on_ok(std::string_view hex_id, bool is_accepted, std::string_view words);
    void refused(std::string_view words);
    [[nodiscard]] bool is_publisher(const Client& client) const {
        return client.number() < settings_.publishers;
    }
    [[nodiscard]] Slot& slot_of(const Client& client) {
        return slots_[client.number() - settings_.publishers];
    }
    [[nodiscard]] Report finish(bool is_complete);

    const SoakOptions settings_;
    const EventTable events_;
    const std::vector<LiveFilter> filters_;
    DeliveryLedger ledger_;
    app::CorpusRandom random_{41};
    std::vector<Slot> slots_;
    std::vector<TimePoint> due_;  // by event
    std::size_t connected_ = 0;   // slots that were ever started
    std::size_t ready_ = 0;       // slots that ever had an EOSE
    std::size_t next_ = 0;        // event
    std::size_t acknowledged_ = 0;
    bool is_ending_ = false;
    std::uint64_t delivered_ = 0;
    std::uint64_t duplicate_ = 0;
    std::uint64_t wrong_ = 0;
    std::uint64_t resubscribed_ = 0;
    std::uint64_t cut_ = 0;
    std::uint64_t refused_ = 0;
    std::string first_refusal_;
    Histogram ok_latency_;
    double warm_anonymous_mb_ = 0;  // of the relay, a tenth of the events into the run
};

}  // namespace parrhesia::bench
