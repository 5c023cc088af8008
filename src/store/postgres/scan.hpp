// A query: the merge of its filters, slice by slice. A connection is borrowed for one slice.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/postgres/filter_query.hpp"
#include "store/postgres/pool.hpp"
#include "store/postgres/replicas.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace parrhesia::store::postgres {

// Where scans read.
struct ReadSources {
    ConnectionPool& primary;
    const Availability& availability;  // of the primary
    Replicas& replicas;
    Database& database;
    // How far the log was after this relay's last commit.
    const std::atomic<Lsn>& fence;
};

class PostgresScan final : public Scan {
  public:
    // `sources` outlives it. `slice_time`: of one slice, its waits included.
    PostgresScan(ReadSources& sources, std::chrono::milliseconds slice_time,
                 std::vector<Filter> filters, ScanOptions options);

    [[nodiscard]] base::error_code next(const ScanBudget& budget, ScanPage& page) override;
    [[nodiscard]] base::Mark mark() const noexcept override { return bounds_.mark; }

  private:
    // `replica`: null for the primary.
    void run_slice(Replica* replica, const ScanBudget& budget, ScanPage& page);
    [[nodiscard]] base::error_code meaning_of(const DatabaseError& error) const;
    // Emits what is decided; true: the page is full, or nothing is left.
    [[nodiscard]] bool fill(const ScanBudget& budget, ScanPage& page);
    void add_row(const ReadRow& row, ScanPage& page);
    // Asks for all that is needed for the next rows.
    void read_on(Connection& connection, std::size_t most);
    void begin(const Rows& snapshot, const Rows& vanishes);
    [[nodiscard]] std::size_t rows_that_fit(const ScanBudget& budget, const ScanPage& page) const;
    void find_completeness(Connection& connection, Completeness& result);

    ReadSources& sources_;
    const std::chrono::milliseconds slice_time_;
    const ScanOptions::Want want_;
    ScanBounds bounds_;
    std::vector<FilterQuery> filters_;
    std::size_t emitted_rows_ = 0;
    std::size_t emitted_bytes_ = 0;
    Replica* replica_ = nullptr;  // that this scan reads from; null: the primary
    bool begun_ = false;
    bool over_ = false;
};

// The mark of a snapshot in PostgreSQL's binary format. `open`: the transactions that it does not
// cover, instead of those in its own list.
[[nodiscard]] base::Mark read_snapshot(std::string_view bytes,
                                       std::optional<base::Mark::Seqs> open = std::nullopt);

}  // namespace parrhesia::store::postgres
