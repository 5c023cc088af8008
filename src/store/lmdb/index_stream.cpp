#include "store/lmdb/index_stream.hpp"

#include <algorithm>
#include <utility>

namespace parrhesia::store::lmdb {
namespace {

[[nodiscard]] SortKey after(SortKey key) noexcept {
    if (++key.id_low == 0 && ++key.id_high == 0) ++key.age;
    return key;
}

}  // namespace

IndexStream::IndexStream(const event::Filter& filter) : filter_(filter), plan_(make_plan(filter_)) {
    if (plan_.way == Plan::Way::nothing) state_ = State::exhausted;
    if (plan_.way != Plan::Way::ranges) return;
    heap_.resize(plan_.keys.size());
    for (std::size_t i = 0; i < heap_.size(); ++i) {
        heap_[i].prefix = static_cast<std::uint32_t>(i);
        heap_[i].at = SortKey::first_of(filter_.until);
    }
}

int IndexStream::advance(Slice& slice) {
    if (state_ != State::searching) return 0;
    return plan_.way == Plan::Way::ranges ? advance_ranges(slice) : advance_lookups(slice);
}

void IndexStream::consume() noexcept {
    state_ = State::searching;
    if (plan_.way == Plan::Way::ranges) {
        pass(heap_.front());
    } else {
        ++next_found_;
    }
}

void IndexStream::end_slice() noexcept {
    if (state_ == State::ready) state_ = State::searching;
    for (Range& range : heap_) {
        range.cursor.reset();
        range.settled = false;
    }
}

int IndexStream::advance_ranges(Slice& slice) {
    while (!heap_.empty()) {
        Range& first = heap_.front();
        if (!first.settled) {
            const SortKey bound = first.at;
            bool empty = false;
            const int code = settle(first, slice, empty);
            if (code != 0) return code;
            const bool moved = empty || first.at != bound;
            if (empty) {
                drop_first();
            } else if (moved) {
                sift_down();
            }
            // Finding again what the slice before had found brings nothing forward.
            if (moved && !slice.step()) return 0;
            continue;
        }
        bool match = false;
        if (!has_last_ || first.at != last_) {
            const int code = examine(first, slice, match);
            if (code != 0) return code;
        }
        if (match) {
            head_ = first.at;
            state_ = State::ready;
            return 0;
        }
        pass(first);
        if (!slice.step()) return 0;
    }
    state_ = State::exhausted;
    return 0;
}

// Finds the first entry at or after range.at. `empty`: the range has none left.
int IndexStream::settle(Range& range, Slice& slice, bool& empty) {
    MDB_val key{};
    MDB_val value{};
    int code = 0;
    if (range.cursor) {
        code = mdb_cursor_get(range.cursor.get(), &key, &value, MDB_NEXT);
    } else {
        MDB_cursor* cursor = nullptr;
        const Environment& environment = slice.txn.environment();
        code = mdb_cursor_open(slice.txn.handle(), environment.index(plan_.index), &cursor);
        if (code != 0) return code;
        range.cursor.reset(cursor);
        KeyBuffer from;
        add_sort(from.add(plan_.keys[range.prefix]), range.at);
        key = to_val(from.view());
        code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    }
    if (code == MDB_NOTFOUND) {
        empty = true;
        return 0;
    }
    if (code != 0) return code;
    return read_entry(range, to_view(key), to_view(value), empty);
}

int IndexStream::read_entry(Range& range, std::string_view key, std::string_view value,
                            bool& empty) const {
    const std::string& prefix = plan_.keys[range.prefix];
    if (!key.starts_with(prefix)) {
        empty = true;
        return 0;
    }
    const std::size_t value_size = plan_.index == Index::tag ? 10 : 8;
    if (key.size() != prefix.size() + SortKey::kSize || value.size() != value_size) {
        return MDB_CORRUPTED;
    }
    range.at = SortKey::read(key.data() + prefix.size());
    range.seq = read_u64(value.data());
    if (plan_.index == Index::tag) range.kind = read_u16(value.data() + 8);
    range.settled = true;
    empty = range.at.created_at() < filter_.since;
    return 0;
}

int IndexStream::examine(const Range& range, Slice& slice, bool& match) {
    if (!slice.bounds.contain(range.seq)) return 0;
    if (plan_.index == Index::tag && !filter_.kinds.empty() &&
        !std::binary_search(filter_.kinds.begin(), filter_.kinds.end(), range.kind)) {
        return 0;
    }
    std::string_view record;
    const int code = slice.txn.get_record(range.seq, record);
    if (code != 0) return code;
    const auto view = EventView::from_record(record);
    if (!view) return MDB_CORRUPTED;
    event_ = *view;
    match = event::matches(filter_, event_) && !slice.bounds.has_vanished(range.seq, event_) &&
            slice.bounds.show(event_);
    return 0;
}

void IndexStream::pass(Range& range) noexcept {
    last_ = range.at;
    has_last_ = true;
    range.at = after(range.at);
    range.settled = false;
}

void IndexStream::sift_down() noexcept {
    std::size_t at = 0;
    for (;;) {
        std::size_t child = 2 * at + 1;
        if (child >= heap_.size()) return;
        if (child + 1 < heap_.size() && heap_[child + 1].at < heap_[child].at) ++child;
        if (heap_[at].at <= heap_[child].at) return;
        std::swap(heap_[at], heap_[child]);
        at = child;
    }
}

void IndexStream::drop_first() noexcept {
    if (heap_.size() > 1) std::swap(heap_.front(), heap_.back());
    heap_.pop_back();
    sift_down();
}

int IndexStream::advance_lookups(Slice& slice) {
    while (next_key_ < plan_.keys.size()) {
        const int code = look_up(plan_.keys[next_key_], slice);
        if (code != 0) return code;
        if (++next_key_ == plan_.keys.size()) {
            std::sort(found_.begin(), found_.end(),
                      [](const Found& a, const Found& b) { return a.at < b.at; });
        }
        if (!slice.step()) return 0;
    }
    while (next_found_ < found_.size()) {
        Found& found = found_[next_found_];
        if (found.slice != slice.number) {
            // Deleted or replaced since it was looked up, if it is gone: seqs are never used again.
            std::string_view record;
            const int code = slice.txn.get_record(found.seq, record);
            if (code != 0 && code != MDB_NOTFOUND) return code;
            if (code == MDB_NOTFOUND) {
                ++next_found_;
                if (!slice.step()) return 0;
                continue;
            }
            const auto view = EventView::from_record(record);
            if (!view) return MDB_CORRUPTED;
            found.event = *view;
            found.slice = slice.number;
        }
        event_ = found.event;
        head_ = found.at;
        state_ = State::ready;
        return 0;
    }
    state_ = State::exhausted;
    return 0;
}

int IndexStream::look_up(std::string_view key, Slice& slice) {
    std::string_view value;
    int code = slice.txn.get(slice.txn.environment().index(plan_.index), key, value);
    if (code == MDB_NOTFOUND) return 0;
    if (code != 0) return code;
    if (value.size() != 8) return MDB_CORRUPTED;
    Found found;
    found.seq = read_u64(value.data());
    if (!slice.bounds.contain(found.seq)) return 0;
    std::string_view record;
    code = slice.txn.get_record(found.seq, record);
    if (code != 0) return code;
    const auto view = EventView::from_record(record);
    if (!view) return MDB_CORRUPTED;
    if (!event::matches(filter_, *view)) return 0;
    if (slice.bounds.has_vanished(found.seq, *view) || !slice.bounds.show(*view)) return 0;
    found.at = SortKey::of(*view);
    found.event = *view;
    found.slice = slice.number;
    found_.push_back(found);
    return 0;
}

}  // namespace parrhesia::store::lmdb
