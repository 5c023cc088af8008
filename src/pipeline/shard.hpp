// What one io thread owns of the relay: its subscriptions, its connections, its parser; and what
// all threads share.
#pragma once

#include "parrhesia/base/task_queue.hpp"
#include "parrhesia/base/thread_owner.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/fanout/subscription_index.hpp"
#include "parrhesia/pipeline/relay.hpp"
#include "parrhesia/policy/rates.hpp"
#include "parrhesia/policy/response_budget.hpp"
#include "parrhesia/policy/viewer.hpp"
#include "parrhesia/protocol/client_message.hpp"
#include "parrhesia/store/readers.hpp"
#include "parrhesia/store/writer.hpp"

#include "pipeline/live_queue.hpp"
#include "pipeline/pipeline_metrics.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace parrhesia::pipeline {

class ClientConnection;
class Shard;

// Names a connection between threads: never a pointer. Travels as WriteRequest::origin.
struct ConnectionId {
    std::uint16_t shard = 0;
    std::uint16_t generation = 0;  // of the slot, so that a late answer misses a reused one
    std::uint32_t slot = 0;

    [[nodiscard]] std::uint64_t packed() const noexcept {
        return std::uint64_t{shard} << 48U | std::uint64_t{generation} << 32U | slot;
    }
    static ConnectionId unpack(std::uint64_t word) noexcept {
        return {static_cast<std::uint16_t>(word >> 48U), static_cast<std::uint16_t>(word >> 32U),
                static_cast<std::uint32_t>(word)};
    }
};

// WriteRequest::origin of what came from another relay of the cluster: nobody's connection.
inline constexpr std::uint64_t kFromAnotherRelay = ~std::uint64_t{0};

using PublishedEvents = std::vector<fanout::Published>;

// What the shards share.
struct Core {
    Core(store::EventStore& the_store, const base::Clock& the_clock,
         base::MetricsRegistry& registry, const RelayOptions& the_options)
        : store(the_store),
          clock(the_clock),
          options(the_options),
          nobody(std::make_shared<const policy::Viewer>(the_clock)),
          budget(options.response_bytes, options.readers.page_bytes,
                 options.queries_per_connection),
          metrics(registry),
          rates(options.rates, registry) {}

    // constant after construction
    store::EventStore& store;
    const base::Clock& clock;
    const RelayOptions options;
    const policy::Limits& limits = options.limits;
    // Who has not authenticated: shared by most connections.
    const std::shared_ptr<const policy::Viewer> nobody;
    const policy::ResponseBudget budget;
    // Of one connection, waiting for their commit: no connection fills the writer's inbox alone.
    std::size_t max_bytes_in_flight = 0;
    PipelineMetrics metrics;
    policy::RateLimiter rates;
    std::vector<std::unique_ptr<Shard>> shards;
    std::unique_ptr<store::Writer> writer;
    std::unique_ptr<store::Readers> readers;

    // written by the main thread, read by all
    std::atomic<bool> refusing{false};
};

// Threading: owned by its io thread, save for the post_*() functions.
class Shard {
  public:
    Shard(Core& core, std::uint16_t number, base::TaskQueue& home)
        : core_(core),
          number_(number),
          home_(home),
          parser_(core.limits.subscription_id_characters),
          live_(core, index_, home, [this] { resume_paused(); }) {}
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    [[nodiscard]] Core& core() noexcept { return core_; }
    [[nodiscard]] base::TaskQueue& home() noexcept { return home_; }
    [[nodiscard]] protocol::ClientMessageParser& parser() noexcept { return parser_; }
    [[nodiscard]] fanout::SubscriptionIndex& index() noexcept { return index_; }

    [[nodiscard]] ConnectionId add(ClientConnection& connection);
    void remove(ConnectionId id) noexcept;
    // nullptr when that connection is gone.
    [[nodiscard]] ClientConnection* find(ConnectionId id) const noexcept;

    // The live subscriptions of every thread get the event: here at once if nothing else waits,
    // elsewhere by their queues. Ephemeral events only: what is stored goes to all threads after
    // its commit. `tally`, if any, hears from every thread.
    void publish_everywhere(const fanout::Published& published,
                            const std::shared_ptr<Tally>& tally);
    // True when the connection should not be read for now, because more ephemeral events wait than
    // this thread delivers; its resume() follows.
    [[nodiscard]] bool pause_when_crowded(ConnectionId id);

    // From the writer's thread. Blocks while this shard has more than kMaxBacklogBytes of events
    // to work through: a slow io thread slows the commits, not the memory.
    void post_commit(std::shared_ptr<const store::CommitBatch> batch);

    // From any thread: events that are in no commit of this relay. `lease` is released when all of
    // them have been delivered.
    void post_remote(std::shared_ptr<const PublishedEvents> events,
                     std::shared_ptr<const void> lease);

  private:
    // Bytes of the backlog, given back when the last event of a batch has been delivered.
    class BacklogLease {
      public:
        BacklogLease(Shard& shard, std::size_t bytes) : shard_(shard), bytes_(bytes) {}
        ~BacklogLease() {
            if (armed_) shard_.shrink_backlog(bytes_);
        }
        BacklogLease(const BacklogLease&) = delete;
        BacklogLease& operator=(const BacklogLease&) = delete;
        // On the io thread: a task that never runs may outlive its shard.
        void arm() noexcept { armed_ = true; }

      private:
        Shard& shard_;
        const std::size_t bytes_;
        bool armed_ = false;
    };

    void shrink_backlog(std::size_t bytes);
    void on_commit(const store::CommitBatch& batch, const std::shared_ptr<const void>& lease);
    void on_remote(const PublishedEvents& events, const std::shared_ptr<const void>& lease);
    void answer(const store::CommitBatch& batch);
    void resume_paused();

    struct Slot {
        ClientConnection* connection = nullptr;
        std::uint16_t generation = 0;
    };

    // constant after construction
    Core& core_;
    const std::uint16_t number_;
    base::TaskQueue& home_;

    // owned by the io thread
    base::ThreadOwner owner_;
    protocol::ClientMessageParser parser_;
    fanout::SubscriptionIndex index_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::vector<ConnectionId> paused_;

    // guarded by backlog_mutex_
    std::mutex backlog_mutex_;
    std::condition_variable backlog_shrank_;
    std::size_t backlog_bytes_ = 0;

    LiveQueue live_;  // last: what it holds may reduce the backlog when it ends
};

}  // namespace parrhesia::pipeline
