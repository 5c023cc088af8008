// The store of indexes: ties the environment, the batches and the scans together.
#pragma once

#include "parrhesia/store/lmdb_store.hpp"

#include "store/lmdb/environment.hpp"
#include "store/recent/recent_events.hpp"

#include <atomic>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace parrhesia::store::lmdb {

class LmdbStore final : public EventStore {
  public:
    explicit LmdbStore(const LmdbOptions& options) : environment_(options) {}

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

    [[nodiscard]] Environment& environment() noexcept { return environment_; }

  private:
    // Runs work(transaction) and commits it; again in a larger map when it was full.
    template <class Work>
    [[nodiscard]] int write(const Work& work);
    void put_part(std::span<const EventPtr> events, std::span<PutResult> results);
    [[nodiscard]] int index_part(std::span<const SequencedEvent> events);
    void fail(std::span<PutResult> results, base::Errc errc, std::string_view why);
    void note_failure(base::Errc errc, std::string_view why);
    void note_success();

    mutable Environment environment_;
    std::atomic<base::Errc> trouble_{};  // why the last put() or index() failed; 0 when it did not
};

}  // namespace parrhesia::store::lmdb
