// The events that match one filter, in the order of results, at most `limit` of them: those in the
// indexes merged with the recent ones.
#pragma once

#include "parrhesia/event/filter.hpp"

#include "store/lmdb/index_stream.hpp"
#include "store/recent/recent_events.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace parrhesia::store::lmdb {

// Threading: one thread at a time.
class FilterStream {
  public:
    using State = IndexStream::State;

    explicit FilterStream(event::Filter filter);

    // Once, in the first slice, before advance(): the recent events that are not in that slice's
    // indexes. In later slices the indexes may have them, too.
    void take_recent(const RecentView& recent, std::uint64_t first_seq, const ScanBounds& bounds);

    // Searches for the next match until it is there, or none is left, or the slice's time is up
    // (the state is then still searching). Returns 0 or a code of LMDB.
    [[nodiscard]] int advance(Slice& slice);
    // The next match has been dealt with.
    void consume() noexcept;
    // Once exhausted: whether the limit has left out a match. Looks only a little further, and in
    // the slice in which the last match was consumed.
    enum class LeftOut : std::uint8_t { none, some, unknown };
    [[nodiscard]] int find_left_out(const Slice& slice, LeftOut& result);
    // Lets go of everything that belongs to the slice's transaction.
    void end_slice() noexcept;

    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] const SortKey& head() const noexcept { return head_; }
    [[nodiscard]] const EventView& event() const noexcept { return event_; }  // until end_slice()

  private:
    struct Recent {
        SortKey at;
        event::EventPtr event;
    };

    std::unique_ptr<const event::Filter> filter_;  // at one place: `indexed_` refers to it
    IndexStream indexed_;
    std::vector<Recent> recent_;  // sorted
    std::size_t next_recent_ = 0;
    std::uint64_t remaining_;  // of the limit
    State state_ = State::searching;
    SortKey head_;
    EventView event_;
};

}  // namespace parrhesia::store::lmdb
