// A query: the merge of its filters' streams, slice by slice.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/lmdb/environment.hpp"
#include "store/lmdb/filter_stream.hpp"
#include "store/lmdb/vanish_list.hpp"

#include <cstdint>
#include <vector>

namespace parrhesia::store::lmdb {

class LmdbScan final : public Scan {
  public:
    // `recent`, if not null: events that are stored and not in the indexes yet. Both outlive it.
    LmdbScan(Environment& environment, const VanishMarks& vanishes, const RecentEvents* recent,
             std::vector<Filter> filters, ScanOptions options);

    [[nodiscard]] base::error_code next(const ScanBudget& budget, ScanPage& page) override;
    [[nodiscard]] base::Mark mark() const noexcept override { return base::Mark(bounds_.mark); }

  private:
    // Begins the transaction of the first slice, and fixes what belongs to the scan.
    [[nodiscard]] int begin(Transaction& txn);
    [[nodiscard]] int take_snapshot(Transaction& txn, RecentView& recent, std::uint64_t& next_seq);
    // What recent events have replaced, deleted or made to vanish, and is still in the indexes.
    void hide(const RecentView& recent, std::uint64_t first_seq);
    [[nodiscard]] int fill(Slice& slice, const ScanBudget& budget, ScanPage& page);
    void add_row(const EventView& event, ScanPage& page) const;
    [[nodiscard]] bool all_exhausted() const noexcept;
    // What the last page says about the limits.
    [[nodiscard]] int find_completeness(const Slice& slice, Completeness& result);
    // The stream with the next event, or null when none has any left.
    [[nodiscard]] const FilterStream* first_ready() const noexcept;

    Environment& environment_;
    const VanishMarks& vanishes_;
    const RecentEvents* const recent_;
    const ScanOptions::Want want_;
    std::vector<FilterStream> streams_;
    std::uint64_t slices_ = 0;
    ScanBounds bounds_;
    bool over_ = false;
};

}  // namespace parrhesia::store::lmdb
