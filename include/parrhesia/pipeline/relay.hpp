// The relay without its sockets: the way of an event and of a REQ (docs/architecture.md).
//
//   text → parse → policy → signature → store (group commit) → OK
//                                          └→ fan-out on every io thread
//   REQ → index (buffering) → stored query, in pages → EOSE → what was buffered → live
//   COUNT → stored query → COUNT
//   AUTH → the viewer, whom every query, count and live event is held against
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/base/task_queue.hpp"
#include "parrhesia/fanout/subscription_index.hpp"
#include "parrhesia/pipeline/client.hpp"
#include "parrhesia/pipeline/connection.hpp"
#include "parrhesia/pipeline/peer.hpp"
#include "parrhesia/policy/access.hpp"
#include "parrhesia/policy/disk_reserve.hpp"
#include "parrhesia/policy/limits.hpp"
#include "parrhesia/policy/marmot.hpp"
#include "parrhesia/policy/rates.hpp"
#include "parrhesia/store/event_store.hpp"
#include "parrhesia/store/readers.hpp"
#include "parrhesia/store/writer.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace parrhesia::pipeline {

// Where what was accepted here goes besides its subscribers: to the other relays of a cluster.
class Outlet {
  public:
    virtual ~Outlet() = default;
    // Stored events after their commit, ephemeral ones at once; never what came by take_remote().
    // From the writer's and from every io thread; must not block.
    virtual void publish(std::span<const fanout::Published> events) = 0;
};

// What the other relays of a cluster have of ours in common with them.
enum class Sharing : std::uint8_t {
    one_database,  // what they have stored is in our store, too
    own_stores,    // it has to be stored here as well
};

struct RelayOptions {
    policy::Limits limits;
    policy::AccessRules access;
    event::KindSet denied_kinds;
    policy::MarmotRules marmot;
    std::vector<std::string> relay_urls;  // normalized; what AUTH must name. None: local ones
    bool challenge_at_connect = false;    // else when it is first needed (NIP-42)
    std::size_t max_pubkeys = 20;         // authenticated on one connection
    // An ephemeral event that no live subscription gets is answered by OK false "mute: " (NIP-01).
    bool mute_unheard = false;
    policy::Rates rates;
    std::uint64_t max_query_cost = 250'000;  // policy/query_cost.hpp; 0: no bound
    std::size_t queries_per_connection = 8;  // stored queries that run at one time
    // No further one starts while the client has more than this to take.
    std::size_t response_bytes = std::size_t{4} << 20;
    const policy::DiskReserve* disk = nullptr;  // outlives the relay; null: there is always room
    Outlet* outlet = nullptr;                   // the same; null: this relay is alone
    Sharing sharing = Sharing::one_database;    // with an outlet
    store::WriterOptions writer;
    store::ReadersOptions readers;
};

// Threading: connect() on the io thread of that shard, take_remote() on any one thread; the rest,
//            unless it says otherwise, on the thread that made it.
// Lifetime:  store, clock, metrics and queues outlive it; connections do not.
class Relay {
  public:
    // One shard for each io thread; `io_queues[n]` is the queue of the thread of shard n.
    Relay(store::EventStore& store, const base::Clock& clock, base::MetricsRegistry& metrics,
          const std::vector<base::TaskQueue*>& io_queues, const RelayOptions& options);
    ~Relay();  // stop()
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    [[nodiscard]] std::unique_ptr<Connection> connect(std::size_t shard, Client& client,
                                                      const Peer& peer = {});

    // Events that other relays of the cluster have accepted, checked in id and, where no database
    // vouches for it, in signature. They go to the live subscriptions of this relay, each once, and
    // with Sharing::own_stores into its store before; never back to the outlet. Never blocks.
    // `done` is called when all has been worked through or dropped, on any thread, also after
    // stop(): who calls again only then bounds what waits here.
    void take_remote(std::vector<fanout::Published> events, std::function<void()> done);

    [[nodiscard]] const policy::Limits& limits() const noexcept;
    // That are open. From any thread.
    [[nodiscard]] std::size_t subscriptions() const noexcept;

    // From now on events and REQs are refused (error: shutting down); what was taken goes on.
    void refuse_new_work() noexcept;
    // Commits what has been taken and hands every outcome to its io thread, ends the store's
    // threads. Blocks; the io threads must still run. Idempotent.
    void stop();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parrhesia::pipeline
