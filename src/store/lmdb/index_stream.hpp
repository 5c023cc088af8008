// The events in the indexes that match one filter, in the order of results.
//
// A plan gives ranges of one index, each in the order of results already; a heap merges them.
// Between two slices only the key where each range goes on is kept, and a range is sought again
// only when its turn has come. Ids and addresses are looked up one by one and then sorted.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/event/filter.hpp"
#include "parrhesia/event/visibility.hpp"

#include "store/lmdb/cursor.hpp"
#include "store/lmdb/plan.hpp"
#include "store/lmdb/transaction.hpp"
#include "store/rules/vanish.hpp"

#include <lmdb.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace parrhesia::store::lmdb {

// Which of the events in the indexes belong to a scan; the same in all its slices.
struct ScanBounds {
    std::uint64_t mark = 0;  // events of a higher seq do not
    // Nor these, sorted: a recent event has replaced or deleted them.
    std::vector<std::uint64_t> hidden;
    std::vector<Vanish> vanishes;  // nor what these take; none, as a rule
    // Nor what it does not show; null: it shows everything.
    std::shared_ptr<const event::Visibility> visibility;

    [[nodiscard]] bool show(const EventView& event) const noexcept {
        return visibility == nullptr || visibility->shows(event);
    }
    [[nodiscard]] bool contain(std::uint64_t seq) const noexcept {
        return seq <= mark && !std::binary_search(hidden.begin(), hidden.end(), seq);
    }
    // The part of the question that needs the event.
    [[nodiscard]] bool has_vanished(std::uint64_t seq, const EventView& event) const {
        return !vanishes.empty() &&
               std::any_of(vanishes.begin(), vanishes.end(),
                           [&](const Vanish& vanish) { return vanish.takes(seq, event); });
    }
};

// One slice of a scan: its snapshot and its time.
class Slice {
  public:
    Slice(Transaction& its_txn, std::uint64_t its_number, const ScanBounds& its_bounds,
          base::SteadyTime deadline)
        : txn(its_txn), number(its_number), bounds(its_bounds), deadline_(deadline) {}

    // A short look within the same slice, whose end is a number of steps.
    [[nodiscard]] Slice look(unsigned steps) const noexcept {
        Slice result(txn, number, bounds, base::SteadyTime::max());
        result.max_steps_ = steps;
        return result;
    }

    // Counts a step that brought the scan forward. False when time is up. The clock is read every
    // 64 steps, so a slice always gets that far, however late it starts.
    [[nodiscard]] bool step() noexcept {
        constexpr unsigned kStepsPerLook = 64;
        if (++steps_ == max_steps_) return false;
        if (steps_ % kStepsPerLook != 0 || deadline_ == base::SteadyTime::max()) return true;
        return std::chrono::steady_clock::now() < deadline_;
    }

    Transaction& txn;
    const std::uint64_t number;  // of the slices of one scan, from 1
    const ScanBounds& bounds;

  private:
    const base::SteadyTime deadline_;
    unsigned max_steps_ = 0;  // 0: any number
    unsigned steps_ = 0;
};

// Threading: one thread at a time.
class IndexStream {
  public:
    enum class State : std::uint8_t {
        searching,  // advance() has to go on
        ready,      // head() and event() are the next match
        exhausted,
    };

    // `filter` outlives it.
    explicit IndexStream(const event::Filter& filter);

    // Searches for the next match until it is there, or none is left, or the slice's time is up
    // (the state is then still searching). Returns 0 or a code of LMDB.
    [[nodiscard]] int advance(Slice& slice);
    // The next match has been dealt with.
    void consume() noexcept;
    // Lets go of everything that belongs to the slice's transaction.
    void end_slice() noexcept;

    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] const SortKey& head() const noexcept { return head_; }
    [[nodiscard]] const EventView& event() const noexcept { return event_; }  // until end_slice()

  private:
    // A range of the index: the entries behind one prefix, from `at` on.
    struct Range {
        std::uint32_t prefix = 0;  // into plan_.keys
        bool settled = false;  // `at` is the key of an entry in this slice's snapshot; else a bound
        SortKey at;
        std::uint64_t seq = 0;                            // when settled
        Kind kind = 0;                                    // when settled, and the index tells
        std::unique_ptr<MDB_cursor, CloseCursor> cursor;  // on the entry last seen, or none
    };
    // A result of a lookup.
    struct Found {
        SortKey at;
        std::uint64_t seq = 0;
        std::uint64_t slice = 0;  // the view is valid in this one
        EventView event;
    };

    [[nodiscard]] int advance_ranges(Slice& slice);
    [[nodiscard]] int settle(Range& range, Slice& slice, bool& empty);
    [[nodiscard]] int read_entry(Range& range, std::string_view key, std::string_view value,
                                 bool& empty) const;
    // Whether the settled range stands on a match; `event_` is then that.
    [[nodiscard]] int examine(const Range& range, Slice& slice, bool& match);
    void pass(Range& range) noexcept;
    void sift_down() noexcept;
    void drop_first() noexcept;

    [[nodiscard]] int advance_lookups(Slice& slice);
    [[nodiscard]] int look_up(std::string_view key, Slice& slice);

    const event::Filter& filter_;
    Plan plan_;
    State state_ = State::searching;
    SortKey head_;
    EventView event_;

    // ranges
    std::vector<Range> heap_;  // the least `at` first
    bool has_last_ = false;
    SortKey last_;  // the last entry dealt with: two ranges may lead to one event

    // lookups
    std::size_t next_key_ = 0;
    std::vector<Found> found_;  // sorted once all keys are looked up
    std::size_t next_found_ = 0;
};

}  // namespace parrhesia::store::lmdb
