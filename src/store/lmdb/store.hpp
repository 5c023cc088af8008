// The store of indexes: ties the environment, the batches and the scans together.
#pragma once

#include "parrhesia/store/lmdb_store.hpp"

#include "store/lmdb/environment.hpp"
#include "store/lmdb/retention_walk.hpp"
#include "store/lmdb/upkeep.hpp"
#include "store/lmdb/vanish_list.hpp"
#include "store/recent/recent_events.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace parrhesia::store::lmdb {

class LmdbStore final : public EventStore {
  public:
    explicit LmdbStore(const LmdbOptions& options) : options_(options), environment_(options) {}

    [[nodiscard]] std::vector<PutResult> put(std::span<const EventPtr> batch) override;
    [[nodiscard]] std::unique_ptr<Scan> scan(std::vector<Filter> filters,
                                             ScanOptions options) override;
    using EventStore::scan;
    [[nodiscard]] base::error_code writable() const noexcept override;
    [[nodiscard]] StoreStats stats() const override;

    // Puts events that are durable elsewhere into the indexes, in one durable transaction. They
    // have their seqs, in rising order; those that are here already are passed over. Threading: as
    // put(). Errors: Errc::store_not_writable, store_unavailable, store_damaged.
    [[nodiscard]] base::error_code index(std::span<const SequencedEvent> events);
    // A scan of these indexes and of `recent`, which outlives it; null: none.
    [[nodiscard]] std::unique_ptr<Scan> scan(std::vector<Filter> filters, ScanOptions options,
                                             const RecentEvents* recent);

    // One small step of the work that nobody waits for; true: there is more to do at once.
    // Threading: one thread at a time, besides everything else. Errors: to the log; the next call
    // tries again.
    [[nodiscard]] bool upkeep() noexcept;

    // One step of a walk that applies the rules of retention. True: its pass is over, or it could
    // not go on. Threading and errors as upkeep().
    [[nodiscard]] bool retain(RetentionWalk& walk) noexcept;

    [[nodiscard]] Environment& environment() noexcept { return environment_; }

  private:
    [[nodiscard]] std::int64_t unix_seconds() const noexcept;
    void put_part(std::span<const EventPtr> events, std::span<PutResult> results);
    void announce_vanishes(std::span<const SequencedEvent> events) noexcept;
    [[nodiscard]] int index_part(std::span<const SequencedEvent> events);
    void fail(std::span<PutResult> results, base::Errc errc, std::string_view why);
    void note_failure(base::Errc errc, std::string_view why);
    void note_success();

    const LmdbOptions options_;
    mutable Environment environment_;
    VanishMarks vanishes_;
    Upkeep upkeep_{environment_, vanishes_};
    std::atomic<std::uint64_t> retention_removed_{0};
    std::atomic<base::Errc> trouble_{};  // why the last put() or index() failed; 0 when it did not
};

}  // namespace parrhesia::store::lmdb
