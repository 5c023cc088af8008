// Live delivery: subscribers listen, publishers publish, every delivery is accounted for.
#pragma once

#include "live_filters.hpp"
#include "run.hpp"

#include <string>
#include <vector>

namespace parrhesia::bench {

struct FanoutOptions {
    CommonOptions common;
    CorpusPart corpus;  // only regular kinds of it are published
    // Relays of one cluster, whose subscribers are to get what is published at common.url; none:
    // that one.
    std::vector<std::string> subscribe_urls;
    std::string by = "everything";  // what subscribers ask for: everything, authors, kinds, tags
    std::size_t subscribers = 100;
    std::size_t publishers = 4;
    std::size_t authors_per_filter = 20;
    // Events a second, latency counted from when each was due; 0: saturation.
    double rate = 0;
    // At saturation: events that are under way, up to their last delivery.
    std::size_t window = 64;
};

class FanoutRun : private Run {
  public:
    explicit FanoutRun(const FanoutOptions& options);
    ~FanoutRun() override = default;
    [[nodiscard]] Report run();

  private:
    using Number = EventTable::Number;
    using Bits = std::vector<bool>;

    void expect(const std::vector<LiveFilter>& filters);
    void subscribe(const std::vector<LiveFilter>& filters);
    void publish(TimePoint due);
    void schedule_rate();
    void sample_memory();
    void on_text(Client& client, std::string_view text) override;
    void on_delivery(std::size_t subscriber, std::string_view json);
    void on_ok(std::string_view hex_id, bool is_accepted, std::string_view words);
    void one_less(Number number, TimePoint now);
    [[nodiscard]] Report finish(bool is_complete);

    const FanoutOptions settings_;
    const EventTable events_;
    std::vector<std::shared_ptr<const Bits>> expected_;  // by subscriber, then event
    std::vector<Bits> seen_;
    std::vector<std::uint32_t> open_;  // by event: deliveries still expected, and the OK
    std::vector<TimePoint> due_;
    std::size_t ready_ = 0;  // subscribers that have their EOSE
    std::size_t next_ = 0;
    std::size_t finished_ = 0;  // events
    std::uint64_t expected_count_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t duplicate_ = 0;
    std::uint64_t wrong_ = 0;
    std::uint64_t refused_ = 0;
    std::string first_refusal_;
    Histogram ok_latency_;
    std::vector<double> resident_mb_;  // once a second
};

}  // namespace parrhesia::bench
