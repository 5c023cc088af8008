// One transaction that stores a batch of events. docs/postgres.md has its steps.
#pragma once

#include "store/postgres/connection.hpp"
#include "store/postgres/stored_state.hpp"
#include "store/recent/recent_events.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::store::postgres {

// More events than this are stored in several transactions: every author of a batch holds an entry
// in the server's lock table.
inline constexpr std::size_t kMostBatchEvents = 500;
// The seqs that one batch may give out.
inline constexpr std::uint64_t kSeqsOfABatch = 4096;

// Statements of the connection that writes.
[[nodiscard]] std::vector<Statement> write_statements();

// Threading: one thread. Errors: DatabaseError; the transaction has then been rolled back, or is
// gone with its connection, or its outcome is unknown (is_committing()).
class WriteBatch {
  public:
    WriteBatch(Connection& connection, const std::vector<std::string>& relay_urls)
        : connection_(connection), relay_urls_(relay_urls) {}

    // Puts one result per event. position.seq is the transaction's id; of a duplicate it is the seq
    // of the event that is stored, or is before it in the batch. `batch` has at most
    // kMostBatchEvents.
    void store(std::span<const EventPtr> batch, std::span<PutResult> results);
    // Of this batch, once they are known.
    [[nodiscard]] std::uint64_t first_seq() const noexcept { return first_seq_; }
    [[nodiscard]] std::uint64_t xid() const noexcept { return xid_; }
    // The COMMIT may have reached the server.
    [[nodiscard]] bool is_committing() const noexcept { return committing_; }

  private:
    void begin(std::span<const EventPtr> batch);
    void write(const std::vector<SequencedEvent>& accepted);
    void remove(std::vector<std::int64_t> seqs);
    void remember(const std::vector<SequencedEvent>& accepted);
    void rollback() noexcept;

    Connection& connection_;
    const std::vector<std::string>& relay_urls_;
    PostgresState state_;
    std::uint64_t first_seq_ = 0;
    std::uint64_t xid_ = 0;
    std::vector<std::int64_t> doomed_;         // stored before, and to be removed
    std::vector<std::string> vanished_wraps_;  // keys of tombstones
    std::int64_t events_added_ = 0;
    std::int64_t tombstones_added_ = 0;
    bool committing_ = false;
};

// The locks of a batch: who writes what concerns an author or recipient holds its lock until the
// transaction ends, so that what it has looked up stays true.
struct Locks {
    std::vector<std::int32_t> keys;  // ascending, which is the order in which all take them
    std::vector<bool> exclusive;

    [[nodiscard]] static Locks of(std::span<const EventPtr> batch);
};

}  // namespace parrhesia::store::postgres
