#include "store/lmdb/scan.hpp"

#include "store/lmdb/error.hpp"

#include <algorithm>
#include <utility>

namespace parrhesia::store::lmdb {

LmdbScan::LmdbScan(Environment& environment, const RecentEvents* recent,
                   std::vector<Filter> filters, ScanOptions options)
    : environment_(environment), recent_(recent), options_(std::move(options)) {
    streams_.reserve(filters.size());
    for (Filter& filter : filters) streams_.emplace_back(std::move(filter));
}

base::error_code LmdbScan::next(const ScanBudget& budget, ScanPage& page) {
    page.clear();
    if (over_) {
        page.done = true;
        return {};
    }
    // Before the snapshot of the indexes: whatever leaves the recent events is in them by then.
    RecentView recent;
    if (slices_ == 0 && recent_ != nullptr) recent = recent_->view();
    Transaction txn(environment_);
    int code = txn.begin(Transaction::Mode::read);
    if (code == 0 && slices_ == 0) code = begin(txn, recent);
    if (code == 0) {
        Slice slice(txn, ++slices_, bounds_, budget.deadline);
        code = fill(slice, budget, page);
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

int LmdbScan::begin(Transaction& txn, const RecentView& recent) {
    std::uint64_t next_seq = 0;
    const int code = txn.get_next_seq(next_seq);
    if (code != 0) return code;
    bounds_.mark = std::max(next_seq - 1, recent.last_seq());
    recent.for_each_from(next_seq, [this](std::uint64_t, const RecentEvent& event) {
        if (event.replaces != 0) bounds_.hidden.push_back(event.replaces);
    });
    std::sort(bounds_.hidden.begin(), bounds_.hidden.end());
    for (FilterStream& stream : streams_) stream.take_recent(recent, next_seq, bounds_);
    return 0;
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
        const std::string_view json = event.json();
        if (page.rows.empty()) {  // most pages are small, and growing copies
            constexpr std::size_t kUsualRows = 32;
            constexpr std::size_t kUsualBytes = 32 * 1024;
            page.rows.reserve(std::min(budget.max_rows, kUsualRows));
            page.text.reserve(std::min(budget.max_bytes, kUsualBytes));
        }
        if (!page.rows.empty() && page.text.size() + json.size() > budget.max_bytes) return 0;
        page.rows.push_back({event.id(), event.created_at(), event.kind(),
                             static_cast<std::uint32_t>(page.text.size()),
                             static_cast<std::uint32_t>(json.size())});
        page.text.append(json);
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
