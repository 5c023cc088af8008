// The relay without its sockets: the way of an event and of a REQ (docs/architecture.md).
//
//   text → parse → policy → signature → store (group commit) → OK
//                                          └→ fan-out on every io thread
//   REQ → index (buffering) → stored query, in pages → EOSE → what was buffered → live
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/base/task_queue.hpp"
#include "parrhesia/pipeline/client.hpp"
#include "parrhesia/pipeline/connection.hpp"
#include "parrhesia/policy/limits.hpp"
#include "parrhesia/store/event_store.hpp"
#include "parrhesia/store/readers.hpp"
#include "parrhesia/store/writer.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace parrhesia::pipeline {

struct RelayOptions {
    policy::Limits limits;
    store::WriterOptions writer;
    store::ReadersOptions readers;
};

// Threading: connect() on the io thread of that shard; the rest on the thread that made it.
// Lifetime:  store, clock, metrics and queues outlive it; connections do not.
class Relay {
  public:
    // One shard for each io thread; `io_queues[n]` is the queue of the thread of shard n.
    Relay(store::EventStore& store, const base::Clock& clock, base::MetricsRegistry& metrics,
          const std::vector<base::TaskQueue*>& io_queues, const RelayOptions& options);
    ~Relay();  // stop()
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    [[nodiscard]] std::unique_ptr<Connection> connect(std::size_t shard, Client& client);

    [[nodiscard]] const policy::Limits& limits() const noexcept;

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
