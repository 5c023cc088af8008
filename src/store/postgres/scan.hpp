// A query: the merge of its filters, slice by slice. A connection is borrowed for one slice.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/postgres/filter_query.hpp"
#include "store/postgres/pool.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace parrhesia::store::postgres {

class PostgresScan final : public Scan {
  public:
    // `pool` and `availability` outlive it. `statement_time`: of one slice, its waits included.
    PostgresScan(ConnectionPool& pool, const Availability& availability,
                 std::chrono::milliseconds statement_time, std::vector<Filter> filters,
                 ScanOptions options);

    [[nodiscard]] base::error_code next(const ScanBudget& budget, ScanPage& page) override;
    [[nodiscard]] base::Mark mark() const noexcept override { return bounds_.mark; }

  private:
    void run_slice(const ScanBudget& budget, ScanPage& page);
    // Emits what is decided; true: the page is full, or nothing is left.
    [[nodiscard]] bool fill(const ScanBudget& budget, ScanPage& page);
    void add_row(const ReadRow& row, ScanPage& page);
    // Asks for all that is needed for the next rows.
    void read_on(Connection& connection, std::size_t most);
    [[nodiscard]] std::size_t rows_that_fit(const ScanBudget& budget, const ScanPage& page) const;
    void find_completeness(Connection& connection, Completeness& result);

    ConnectionPool& pool_;
    const Availability& availability_;
    const std::chrono::milliseconds statement_time_;
    const ScanOptions::Want want_;
    ScanBounds bounds_;
    std::vector<FilterQuery> filters_;
    std::size_t emitted_rows_ = 0;
    std::size_t emitted_bytes_ = 0;
    bool begun_ = false;
    bool over_ = false;
};

// The mark of a snapshot in PostgreSQL's binary format.
[[nodiscard]] base::Mark read_snapshot(std::string_view bytes);

}  // namespace parrhesia::store::postgres
