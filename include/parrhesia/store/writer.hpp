// Group commit: the one thread that writes takes all that has queued up since its last commit and
// stores it in one put(): the batch grows with the load (smart batching). Where all of it is
// pipelined it pauses a little for more, because a commit costs as much CPU as several events.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/store/event_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace parrhesia::store {

struct WriteRequest {
    EventPtr event;
    std::uint64_t origin = 0;      // the sender's own word, handed back unread
    base::SteadyTime received_at;  // when the event came in
    // Its sender has more events under way, so that nobody waits for this one alone.
    bool pipelined = false;
    event::TrafficClass traffic_class = event::TrafficClass::generic;  // handed back
    // Whatever the sender wants to live until the last who hears of the outcome is done with it.
    std::shared_ptr<const void> lease{};
};

struct WriteOutcome {
    WriteRequest request;
    PutResult result;
};

using CommitBatch = std::vector<WriteOutcome>;

// Hears of every batch, in commit order, on the writer's thread.
class CommitListener {
  public:
    virtual ~CommitListener() = default;
    virtual void on_commit(std::shared_ptr<const CommitBatch> batch) = 0;
};

struct WriterOptions {
    std::size_t inbox_bytes = 64u << 20;  // of events waiting; above it submit() refuses
    std::size_t max_batch_events = 1000;  // per put()
    // For more pipelined events; again, up to ten times, while any come.
    std::chrono::microseconds pause{100};
};

// Threading: submit() and queued_bytes() from any thread; the rest from the thread that made it.
class Writer {
  public:
    // `store`, `listener` and `metrics` outlive the writer. Starts the thread "store-writer".
    Writer(EventStore& store, CommitListener& listener, base::MetricsRegistry& metrics,
           WriterOptions options);
    ~Writer();  // stop()
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // False when the inbox is full or the writer has stopped: the event was not taken.
    [[nodiscard]] bool submit(WriteRequest request);
    [[nodiscard]] std::size_t queued_bytes() const;

    // Commits what has been submitted, reports it, ends the thread. Idempotent.
    void stop();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parrhesia::store
