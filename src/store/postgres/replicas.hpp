// Standbys that queries may read from.
//
// A query goes to a standby only if it has replayed all that this relay had committed when the
// query began: so a client reads its own writes, and nothing is lost between stored and live
// events.
#pragma once

#include "parrhesia/base/clock.hpp"

#include "store/postgres/availability.hpp"
#include "store/postgres/connection.hpp"
#include "store/postgres/database.hpp"
#include "store/postgres/pool.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace parrhesia::store::postgres {

// A place in the write-ahead log, as the distance from its beginning.
using Lsn = std::uint64_t;
// Behind all of the log: no standby has replayed it.
inline constexpr Lsn kNoLsn = std::numeric_limits<Lsn>::max();
// From the server's "16/B374D848"; 0 when it is not one.
[[nodiscard]] Lsn parse_lsn(std::string_view text) noexcept;

class Replica {
  public:
    Replica(const Database& database, const std::string& connection);

    [[nodiscard]] ConnectionPool& pool() noexcept { return pool_; }
    [[nodiscard]] const Availability& availability() const noexcept { return availability_; }
    // Whether a query that must see `fence` may be asked of it. May ask the standby itself, and
    // wait a moment for it. Threading: any thread.
    [[nodiscard]] bool has_replayed(Lsn fence);

  private:
    friend class Replicas;
    // Of the thread "store-postgres": looks how far it is. `must_have`: what it must have replayed
    // by now to be used at all.
    void look(const Database& database, Lsn must_have);
    void raise_replayed(Lsn lsn) noexcept;

    const ConnectionOptions options_;
    const std::string name_;  // for the log
    Availability availability_;
    ConnectionPool pool_;
    std::unique_ptr<Connection> control_;  // owned by the thread "store-postgres"
    base::SteadyTime next_attempt_{};      // likewise
    bool was_used_ = false;                // likewise
    std::atomic<Lsn> replayed_{0};
};

class Replicas {
  public:
    explicit Replicas(const Database& database);

    [[nodiscard]] bool empty() const noexcept { return replicas_.empty(); }
    // One that a query which must see `fence` may be asked of, in turn; null: there is none.
    // Threading: any thread.
    [[nodiscard]] Replica* choose(Lsn fence);
    // Threading: the thread "store-postgres". `primary`: usable, or null while it is away.
    void look(Connection* primary);
    [[nodiscard]] std::size_t usable() const noexcept;

  private:
    struct Sample {
        base::SteadyTime at;
        Lsn lsn;
    };
    const Database& database_;
    std::vector<std::unique_ptr<Replica>> replicas_;
    std::deque<Sample> samples_;  // how far the primary was; owned by the thread "store-postgres"
    std::atomic<std::size_t> turn_{0};
};

}  // namespace parrhesia::store::postgres
