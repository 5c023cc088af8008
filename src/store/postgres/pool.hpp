// The connections that queries borrow for the length of a slice.
#pragma once

#include "store/postgres/availability.hpp"
#include "store/postgres/connection.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace parrhesia::store::postgres {

// Threading: any thread. Lifetime: beyond its leases.
class ConnectionPool {
  public:
    // A borrowed connection. Goes back by itself, unless it is broken.
    class Lease {
      public:
        Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection,
              std::uint64_t generation)
            : pool_(&pool), connection_(std::move(connection)), generation_(generation) {}
        ~Lease() {
            if (pool_ != nullptr) pool_->give_back(std::move(connection_), generation_);
        }
        Lease(Lease&& other) noexcept
            : pool_(std::exchange(other.pool_, nullptr)),
              connection_(std::move(other.connection_)),
              generation_(other.generation_) {}
        Lease& operator=(Lease&&) = delete;
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;

        [[nodiscard]] Connection& operator*() const noexcept { return *connection_; }
        [[nodiscard]] Connection* operator->() const noexcept { return connection_.get(); }

      private:
        ConnectionPool* pool_;
        std::unique_ptr<Connection> connection_;
        std::uint64_t generation_;
    };

    // `options` and `availability` outlive it.
    ConnectionPool(const ConnectionOptions& options, Availability& availability, std::size_t most)
        : options_(options), availability_(availability), most_(most) {}

    // An idle connection, or a new one; waits while all are lent. What it gives was usable when it
    // came back: that its server has gone since shows at its next use.
    // Errors: DatabaseError, at once while the database is known to be away.
    [[nodiscard]] Lease borrow(const Patience& patience);

  private:
    struct Idle {
        std::unique_ptr<Connection> connection;
        std::uint64_t generation;
    };
    void give_back(std::unique_ptr<Connection> connection, std::uint64_t generation) noexcept;

    const ConnectionOptions& options_;
    Availability& availability_;
    const std::size_t most_;
    std::mutex mutex_;
    // guarded by mutex_
    std::condition_variable returned_;
    std::vector<Idle> idle_;
    std::size_t lent_ = 0;
};

}  // namespace parrhesia::store::postgres
