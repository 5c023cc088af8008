// Durable events. Implementations: embedded/ (a journal in front of lmdb/), lmdb/ alone.
//
// This interface blocks: it is called by the store's own threads (writer.hpp, readers.hpp), by the
// command line tools and by the contract suite (tests/store/contract_suite.hpp) that every
// implementation passes. No io thread calls it.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/error.hpp"
#include "parrhesia/base/position.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"
#include "parrhesia/event/visibility.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parrhesia::store {

using event::EventPtr;
using event::EventView;
using event::Filter;
using event::Id;
using event::Kind;

enum class PutStatus : std::uint8_t {
    stored,      // durable and visible to queries; `position` is set
    duplicate,   // the store has this id already
    superseded,  // a version of this replaceable or addressable event that wins is stored
    deleted,     // its author, or a recipient, wants it gone; `error`: Errc::deleted or vanished
    failed,      // nothing was stored; `error` says why
};

struct PutResult {
    PutStatus status = PutStatus::failed;
    base::Position position;
    base::error_code error;
};

// Up to when, and how much, one slice of a scan may produce.
struct ScanBudget {
    base::SteadyTime deadline = base::SteadyTime::max();
    std::size_t max_rows = 1000;
    std::size_t max_bytes = 256 * 1024;  // of JSON; one row may exceed it
    // Set when nobody wants the rest: a store that waits for another process then stops waiting.
    const std::atomic<bool>* cancelled = nullptr;
};

struct ScanRow {
    Id id;
    std::int64_t created_at = 0;
    Kind kind = 0;
    std::uint32_t json_offset = 0;  // into ScanPage::text
    std::uint32_t json_size = 0;
};

// What a scan looks for besides its filters.
struct ScanOptions {
    // Events it does not show are passed over; null: everything is shown.
    std::shared_ptr<const event::Visibility> visibility;
    enum class Want : std::uint8_t { json, authors };
    // authors: ScanPage::authors instead of the JSON, for those who only count.
    Want want = Want::json;
};

// What a scan that is done knows about its filters' limits (NIP-67).
enum class Completeness : std::uint8_t {
    unknown,   // a limit was reached, and whether it left anything out would cost too much
    finished,  // every match has been in a page
    more,      // at least one match was left out
};

// One slice of results. The JSON of all rows stands in one buffer: one allocation per page.
struct ScanPage {
    std::string text;
    std::vector<ScanRow> rows;
    std::vector<base::PubKey>
        authors;        // of the rows, if the options want them; `text` is then empty
    bool done = false;  // nothing more will come
    Completeness completeness = Completeness::unknown;  // once done

    [[nodiscard]] std::string_view json(const ScanRow& row) const noexcept {
        return std::string_view(text).substr(row.json_offset, row.json_size);
    }
    void clear() noexcept {
        text.clear();
        rows.clear();
        authors.clear();
        done = false;
        completeness = Completeness::unknown;
    }
};

// A query in slices: newest first, ties by lowest id, each event once, each filter with its own
// limit (none: all that match). Between two slices it holds no lock and no snapshot.
//
// The mark is taken with the snapshot of the first slice; what was committed later is skipped, and
// belongs to the live path. What is deleted or replaced between two slices may be missing.
//
// Threading: one thread at a time. Lifetime: not beyond its store.
class Scan {
  public:
    virtual ~Scan() = default;
    // Clears `page`, then fills it until the budget is used up or the scan is done.
    // Errors: Errc::store_unavailable, store_damaged; the scan is then over.
    [[nodiscard]] virtual base::error_code next(const ScanBudget& budget, ScanPage& page) = 0;
    // Valid after the first next().
    [[nodiscard]] virtual base::Mark mark() const noexcept = 0;
};

struct StoreStats {
    std::uint64_t events = 0;
    std::uint64_t bytes_on_disk = 0;
    std::uint64_t last_seq = 0;
    std::uint64_t unindexed_events = 0;  // durable and served, and not in the indexes yet
    // What the indexes remember of events that must not come back; they are no events.
    std::uint64_t tombstones = 0;
    // Taken out in the background since the store was opened. Until then they count as events.
    std::uint64_t expired_removed = 0;    // NIP-40
    std::uint64_t vanish_removed = 0;     // NIP-62
    std::uint64_t retention_removed = 0;  // by the operator's rules
};

class EventStore {
  public:
    virtual ~EventStore() = default;

    // Stores a batch, durably and as one; on return everything reported as stored survives a
    // power cut. Results stand in the order of `batch`; events of one batch see each other. On a
    // failed commit every event that would have been stored is `failed` (outcome unknown counts as
    // failed). Replaceable and addressable events replace their predecessors in the same
    // step; at equal created_at the lowest id wins (NIP-01). A deletion hides what it deletes, and
    // a request to vanish all it concerns, in the same step, too, and for good (NIP-09, NIP-62).
    // Ephemeral events must not come here.
    //
    // Threading: one thread at a time, any thread. Errors: in the results; never throws.
    [[nodiscard]] virtual std::vector<PutResult> put(std::span<const EventPtr> batch) = 0;

    // Threading: from any thread, besides put() and other scans.
    [[nodiscard]] virtual std::unique_ptr<Scan> scan(std::vector<Filter> filters,
                                                     ScanOptions options) = 0;
    // Everything, as JSON.
    [[nodiscard]] std::unique_ptr<Scan> scan(std::vector<Filter> filters) {
        return scan(std::move(filters), ScanOptions());
    }

    // Empty error when the last put() could write; else why not. Cheap, for /ready. Only the next
    // put() finds out that the trouble is over, so do not hold events back because of it.
    // Threading: any thread.
    [[nodiscard]] virtual base::error_code writable() const noexcept = 0;
    // Threading: any thread; may read the disk.
    [[nodiscard]] virtual StoreStats stats() const = 0;
};

}  // namespace parrhesia::store
