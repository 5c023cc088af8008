// Work that nobody waits for: what has expired or vanished, retention, the fan-out log's
// partitions. Of several relays on one database, one does it.
#pragma once

#include "store/postgres/connection.hpp"
#include "store/postgres/database.hpp"
#include "store/postgres/filter_query.hpp"
#include "store/rules/retention_rules.hpp"
#include "store/rules/vanish.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace parrhesia::store::postgres {

// For the connection that does upkeep.
[[nodiscard]] std::vector<Statement> upkeep_statements();

// Threading: the thread "store-postgres"; the counts from any thread.
class Upkeep {
  public:
    explicit Upkeep(Database& database);

    // Work for a fraction of a second, in transactions of some milliseconds each. A connection is
    // the same as the last time, or new_connection() was called.
    // Errors: DatabaseError; what was committed counts.
    void run(Connection& connection);
    void new_connection() noexcept { is_ours_ = false; }

    // Events removed since this relay's start.
    [[nodiscard]] std::uint64_t expired() const noexcept { return expired_.load(); }
    [[nodiscard]] std::uint64_t vanished() const noexcept { return vanished_.load(); }
    [[nodiscard]] std::uint64_t retained() const noexcept { return retained_.load(); }

  private:
    [[nodiscard]] bool take_turn(Connection& connection);
    // Each does one step; true: there is more to do.
    [[nodiscard]] bool remove_vanished(Connection& connection);
    [[nodiscard]] bool remove_wraps(Connection& connection, const Vanish& vanish);
    [[nodiscard]] bool remove_expired(Connection& connection);
    [[nodiscard]] bool retain(Connection& connection);
    void tend_log(Connection& connection);
    void sum_counts(Connection& connection);
    // One transaction. Returns how many events there were.
    std::uint64_t remove(Connection& connection, const std::vector<std::int64_t>& seqs,
                         const std::vector<Statement>& statements,
                         std::vector<Parameters>& parameters);

    Database& database_;
    const RetentionRules rules_;
    bool is_ours_ = false;  // this connection holds the lock of upkeep
    base::SteadyTime log_at_{};
    base::SteadyTime counts_at_{};
    base::SteadyTime retention_at_{};
    // The walk over the gift wraps of the request with this seq.
    std::uint64_t wraps_of_ = 0;
    Place wraps_from_;
    // The walk of retention: the last event looked at, and how many of its author and kind there
    // were.
    struct Group {
        std::int64_t author_kind = 0;
        Place place;
        std::uint64_t count = 0;
    };
    Group walk_;
    bool is_walking_ = false;
    std::atomic<std::uint64_t> expired_{0};
    std::atomic<std::uint64_t> vanished_{0};
    std::atomic<std::uint64_t> retained_{0};
};

}  // namespace parrhesia::store::postgres
