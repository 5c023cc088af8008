#include "store/lmdb/scan.hpp"

#include "store/lmdb/error.hpp"

#include <algorithm>
#include <utility>

namespace parrhesia::store::lmdb {

LmdbScan::LmdbScan(Environment& environment, const VanishMarks& vanishes,
                   const RecentEvents* recent, std::vector<Filter> filters, ScanOptions options)
    : environment_(environment), vanishes_(vanishes), recent_(recent), want_(options.want) {
    bounds_.visibility = std::move(options.visibility);
    streams_.reserve(filters.size());
    for (Filter& filter : filters) streams_.emplace_back(std::move(filter));
}

base::error_code LmdbScan::next(const ScanBudget& budget, ScanPage& page) {
    page.clear();
    if (over_) {
        page.done = true;
        return {};
    }
    Transaction txn(environment_);
    int code = slices_ == 0 ? begin(txn) : txn.begin(Transaction::Mode::read);
    if (code == 0) {
        Slice slice(txn, ++slices_, bounds_, budget.deadline);
        code = fill(slice, budget, page);
        if (code == 0 && page.done) code = find_completeness(slice, page.completeness);
        for (FilterStream& stream : streams_) stream.end_slice();
    }
    if (code != 0) {
        over_ = true;
        page.clear();
        txn.abort();
        environment_.report_if_damaged(code);
        return meaning_of(code);
    }
    over_ = page.done;
    return {};
}

// The recent events are taken before the snapshot of the indexes: whatever leaves them is in it by
// then. If the snapshot is ahead of them, it may hold the first half of a batch whose second half
// is in neither: both are taken again. (Beside a process that writes it always is, and they never
// change.)
int LmdbScan::take_snapshot(Transaction& txn, RecentView& recent, std::uint64_t& next_seq) {
    for (;;) {
        if (recent_ != nullptr) recent = recent_->view();
        int code = txn.begin(Transaction::Mode::read);
        if (code == 0) code = txn.get_next_seq(next_seq);
        if (code != 0 || recent_ == nullptr || next_seq - 1 <= recent.last_seq()) return code;
        if (recent_->view().last_seq() == recent.last_seq()) return 0;
        txn.abort();
    }
}

int LmdbScan::begin(Transaction& txn) {
    RecentView recent;
    std::uint64_t next_seq = 0;
    const std::uint64_t finished_vanishes = vanishes_.finished.load();  // before the snapshot
    int code = take_snapshot(txn, recent, next_seq);
    if (code == 0 && vanishes_.started.load() != finished_vanishes) {
        code = read_vanishes(txn, bounds_.vanishes);
    }
    if (code != 0) return code;
    bounds_.mark = std::max(next_seq - 1, recent.last_seq());
    hide(recent, next_seq);
    for (FilterStream& stream : streams_) stream.take_recent(recent, next_seq, bounds_);
    return 0;
}

void LmdbScan::hide(const RecentView& recent, std::uint64_t first_seq) {
    recent.for_each_from(first_seq, [this](std::uint64_t, const RecentEvent& event) {
        if (event.replaces != 0) bounds_.hidden.push_back(event.replaces);
    });
    recent.for_each_acting_from(first_seq, [this](const SequencedEvent& event) {
        if (event.removes) {
            bounds_.hidden.insert(bounds_.hidden.end(), event.removes->begin(),
                                  event.removes->end());
        }
        const EventView view = event.event->view();
        if (event.vanishes) {
            bounds_.vanishes.push_back({view.pubkey(), view.created_at(), event.seq});
        }
    });
    std::sort(bounds_.hidden.begin(), bounds_.hidden.end());
}

int LmdbScan::fill(Slice& slice, const ScanBudget& budget, ScanPage& page) {
    for (;;) {
        if (page.rows.size() >= budget.max_rows) {
            page.done = all_exhausted();
            return 0;
        }
        for (FilterStream& stream : streams_) {
            const int code = stream.advance(slice);
            if (code != 0) return code;
            if (stream.state() == FilterStream::State::searching) return 0;  // time is up
        }
        const FilterStream* first = first_ready();
        if (first == nullptr) {
            page.done = true;
            return 0;
        }
        const EventView& event = first->event();
        if (page.rows.empty()) {  // most pages are small, and growing copies
            constexpr std::size_t kUsualRows = 32;
            constexpr std::size_t kUsualBytes = 32 * 1024;
            page.rows.reserve(std::min(budget.max_rows, kUsualRows));
            if (want_ == ScanOptions::Want::json) {
                page.text.reserve(std::min(budget.max_bytes, kUsualBytes));
            }
        } else if (want_ == ScanOptions::Want::json &&
                   page.text.size() + event.json().size() > budget.max_bytes) {
            return 0;
        }
        add_row(event, page);
        // Every filter that has this event counts it, and it is sent once.
        const SortKey sent = first->head();
        for (FilterStream& stream : streams_) {
            if (stream.state() == FilterStream::State::ready && stream.head() == sent) {
                stream.consume();
            }
        }
        if (!slice.step()) {
            page.done = all_exhausted();
            return 0;
        }
    }
}

void LmdbScan::add_row(const EventView& event, ScanPage& page) const {
    ScanRow row{event.id(), event.created_at(), event.kind(), 0, 0};
    if (want_ == ScanOptions::Want::authors) {
        page.authors.push_back(event.pubkey());
    } else {
        const std::string_view json = event.json();
        row.json_offset = static_cast<std::uint32_t>(page.text.size());
        row.json_size = static_cast<std::uint32_t>(json.size());
        page.text.append(json);
    }
    page.rows.push_back(row);
}

int LmdbScan::find_completeness(const Slice& slice, Completeness& result) {
    result = Completeness::finished;
    for (FilterStream& stream : streams_) {
        FilterStream::LeftOut left_out{};
        const int code = stream.find_left_out(slice, left_out);
        if (code != 0) return code;
        if (left_out == FilterStream::LeftOut::none) continue;
        // What one filter's limit leaves out another one may have sent.
        const bool proven = left_out == FilterStream::LeftOut::some && streams_.size() == 1;
        result = proven ? Completeness::more : Completeness::unknown;
        return 0;
    }
    return 0;
}

bool LmdbScan::all_exhausted() const noexcept {
    return std::all_of(streams_.begin(), streams_.end(), [](const FilterStream& stream) {
        return stream.state() == FilterStream::State::exhausted;
    });
}

const FilterStream* LmdbScan::first_ready() const noexcept {
    const FilterStream* first = nullptr;
    for (const FilterStream& stream : streams_) {
        if (stream.state() != FilterStream::State::ready) continue;
        if (first == nullptr || stream.head() < first->head()) first = &stream;
    }
    return first;
}

}  // namespace parrhesia::store::lmdb
