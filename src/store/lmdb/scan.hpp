// A query over the embedded store: the merge of its filters' streams, slice by slice.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/lmdb/environment.hpp"
#include "store/lmdb/filter_stream.hpp"

#include <cstdint>
#include <vector>

namespace parrhesia::store::lmdb {

class LmdbScan final : public Scan {
  public:
    LmdbScan(Environment& environment, std::vector<Filter> filters);

    [[nodiscard]] base::error_code next(const ScanBudget& budget, ScanPage& page) override;
    [[nodiscard]] base::Mark mark() const noexcept override { return base::Mark(mark_); }

  private:
    [[nodiscard]] int fill(Slice& slice, const ScanBudget& budget, ScanPage& page);
    [[nodiscard]] bool all_exhausted() const noexcept;
    // The stream with the next event, or null when none has any left.
    [[nodiscard]] const FilterStream* first_ready() const noexcept;

    Environment& environment_;
    std::vector<FilterStream> streams_;
    std::uint64_t slices_ = 0;
    std::uint64_t mark_ = 0;
    bool over_ = false;
};

}  // namespace parrhesia::store::lmdb
