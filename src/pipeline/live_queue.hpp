// Events on their way to the live subscriptions of one io thread.
#pragma once

#include "parrhesia/base/task_queue.hpp"
#include "parrhesia/fanout/subscription_index.hpp"

#include "pipeline/recent_ids.hpp"

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace parrhesia::pipeline {

struct Core;

// Learns from every io thread how many subscriptions got an ephemeral event, and tells in the end
// whether anybody did.
//
// Threading: report() from any thread; `on_known` runs on the thread of the last report.
class Tally {
  public:
    Tally(std::size_t threads, std::function<void(bool heard)> on_known)
        : missing_(threads), on_known_(std::move(on_known)) {}
    // Once per io thread.
    void report(std::size_t deliveries) {
        if (deliveries != 0) heard_.store(true, std::memory_order_relaxed);
        if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            on_known_(heard_.load(std::memory_order_relaxed));
        }
    }

  private:
    std::atomic<std::size_t> missing_;
    std::atomic<bool> heard_{false};
    const std::function<void(bool)> on_known_;
};

// One queue for all, so that every subscription hears of events in the order in which they came in,
// and of each once: a copy of an ephemeral event, or of any in a cluster, that comes again soon is
// passed over. It is worked off in pieces, each a turn of the io thread: a large commit, or a crowd
// of subscribers, delays the thread's other connections by one piece.
//
// Threading: post_ephemeral() from any thread; everything else belongs to the io thread.
// Lifetime:  core, index and home outlive it; tasks that it posted do not run after its end.
class LiveQueue {
  public:
    // A piece ends after this much work; a delivery counts 1, and 1 more for so many bytes of it.
    // Thus a piece is at most 4 MiB, and a client gets the chance to take them before the next.
    static constexpr std::size_t kPieceWork = 1024;
    static constexpr std::size_t kBytesOfWork = 4096;
    // Looking an event up in the index.
    static constexpr std::size_t kEventWork = 8;
    // Of ephemeral events that wait here. What is above is dropped, which the caller counts.
    static constexpr std::size_t kMaxEphemeralBytes = 16u << 20;
    // Senders of ephemeral events should pause while more wait.
    static constexpr std::size_t kManyEphemeral = 64;

    // `on_room`: is_crowded() has become false.
    LiveQueue(Core& core, fanout::SubscriptionIndex& index, base::TaskQueue& home,
              std::function<void()> on_room);
    LiveQueue(const LiveQueue&) = delete;
    LiveQueue& operator=(const LiveQueue&) = delete;

    // To be followed by start(). `lease`, not null, is released once the event has been delivered.
    void add_stored(fanout::Published published, std::shared_ptr<const void> lease);
    // False: dropped, too much waits already. `tally` may be null; of a copy it hears that somebody
    // got it, because the first one may have been heard.
    [[nodiscard]] bool add_ephemeral(fanout::Published published,
                                     std::shared_ptr<Tally> tally = nullptr);
    // Delivers a first piece at once, unless a turn for it is on its way.
    void start();
    // The same, but in a turn of its own.
    void start_soon();
    [[nodiscard]] bool is_crowded() const noexcept { return ephemeral_events_ > kManyEphemeral; }

    // add_ephemeral() and start(), soon. What is posted while the io thread is busy costs it one
    // task.
    [[nodiscard]] bool post_ephemeral(const fanout::Published& published,
                                      const std::shared_ptr<Tally>& tally = nullptr);

  private:
    struct Item {
        fanout::Published published;
        std::shared_ptr<const void> lease;  // none: ephemeral
        std::shared_ptr<Tally> tally;       // of an ephemeral event, or none
        std::size_t deliveries = 0;
    };
    struct Posted {
        fanout::Published published;
        std::shared_ptr<Tally> tally;
    };

    [[nodiscard]] bool reserve(const event::Event& event) noexcept;
    void release(const event::Event& event) noexcept;
    void queue_ephemeral(fanout::Published&& published, std::shared_ptr<Tally>&& tally);
    [[nodiscard]] bool is_copy(const fanout::Published& published);
    void take_posted();
    void run_piece();
    void deliver_piece();
    void finish_front();

    // constant after construction
    Core& core_;
    fanout::SubscriptionIndex& index_;
    base::TaskQueue& home_;
    const std::function<void()> on_room_;

    // owned by the io thread
    std::deque<Item> items_;
    bool front_begun_ = false;
    bool turn_posted_ = false;
    std::size_t ephemeral_events_ = 0;  // of items_
    std::vector<Posted> taken_;
    RecentIds recent_;

    // of items_ and posted_
    std::atomic<std::size_t> ephemeral_bytes_{0};

    std::mutex posted_mutex_;
    std::vector<Posted> posted_;  // guarded by posted_mutex_
};

}  // namespace parrhesia::pipeline
