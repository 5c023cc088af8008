#include "store/lmdb/filter_stream.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace parrhesia::store::lmdb {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

}  // namespace

FilterStream::FilterStream(event::Filter filter)
    : filter_(std::make_unique<const event::Filter>(std::move(filter))),
      indexed_(*filter_),
      remaining_(filter_->limit ? *filter_->limit : kNoLimit) {
    if (remaining_ == 0) state_ = State::exhausted;
}

void FilterStream::take_recent(const RecentView& recent, std::uint64_t first_seq,
                               const ScanBounds& bounds) {
    if (state_ == State::exhausted || recent.last_seq() < first_seq) return;
    // Where thousands may match, only the newest can be asked for: the records of the others are
    // not looked at.
    const RecentFilter filter(*filter_);
    // One more than will be delivered tells whether the limit leaves any out.
    const std::uint64_t wanted = remaining_ + (remaining_ == kNoLimit ? 0 : 1);
    std::vector<const RecentEvent*> candidates;
    recent.for_each_from(first_seq, [&](std::uint64_t seq, const RecentEvent& event) {
        if (!filter.may_match(event) || !bounds.contain(seq)) return;
        const bool is_there =
            bounds.vanishes.empty() || !bounds.has_vanished(seq, event.event->view());
        if (is_there) candidates.push_back(&event);
    });
    std::sort(candidates.begin(), candidates.end(), [](const RecentEvent* a, const RecentEvent* b) {
        return a->created_at > b->created_at;
    });
    for (const RecentEvent* event : candidates) {
        // Of one second the ids decide, so all of it is wanted.
        if (recent_.size() >= wanted && event->created_at < recent_[wanted - 1].at.created_at()) {
            break;
        }
        if (!filter.matches(*event) || !bounds.show(event->event->view())) continue;
        recent_.push_back({SortKey::of(event->event->view()), event->event});
    }
    std::sort(recent_.begin(), recent_.end(),
              [](const Recent& a, const Recent& b) { return a.at < b.at; });
    if (recent_.size() > wanted) recent_.resize(wanted);
}

int FilterStream::advance(Slice& slice) {
    if (state_ != State::searching) return 0;
    const int code = indexed_.advance(slice);
    if (code != 0 || indexed_.state() == State::searching) return code;
    const bool has_indexed = indexed_.state() == State::ready;
    const bool has_recent = next_recent_ < recent_.size();
    if (has_recent && (!has_indexed || recent_[next_recent_].at < indexed_.head())) {
        head_ = recent_[next_recent_].at;
        event_ = recent_[next_recent_].event->view();
        state_ = State::ready;
    } else if (has_indexed) {
        head_ = indexed_.head();
        event_ = indexed_.event();
        state_ = State::ready;
    } else {
        state_ = State::exhausted;
    }
    return 0;
}

void FilterStream::consume() noexcept {
    // One that has been indexed since the first slice is in both.
    if (indexed_.state() == State::ready && indexed_.head() == head_) indexed_.consume();
    if (next_recent_ < recent_.size() && recent_[next_recent_].at == head_) ++next_recent_;
    state_ = --remaining_ == 0 ? State::exhausted : State::searching;
}

int FilterStream::find_left_out(const Slice& slice, LeftOut& result) {
    constexpr unsigned kSteps = 64;
    result = LeftOut::none;
    if (remaining_ != 0) return 0;
    if (filter_->limit == 0U) {  // nothing has been looked at
        result = LeftOut::unknown;
        return 0;
    }
    if (next_recent_ < recent_.size()) {
        result = LeftOut::some;
        return 0;
    }
    Slice look = slice.look(kSteps);
    const int code = indexed_.advance(look);
    if (code != 0) return code;
    switch (indexed_.state()) {
        case State::ready:
            result = LeftOut::some;
            break;
        case State::searching:
            result = LeftOut::unknown;
            break;
        case State::exhausted:
            break;
    }
    return 0;
}

void FilterStream::end_slice() noexcept {
    if (state_ == State::ready) state_ = State::searching;
    indexed_.end_slice();
}

}  // namespace parrhesia::store::lmdb
