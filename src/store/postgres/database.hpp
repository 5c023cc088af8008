// What all parts of the store share: how to connect, and whether it is worth trying.
#pragma once

#include "parrhesia/store/postgres_store.hpp"

#include "store/postgres/availability.hpp"
#include "store/postgres/connection.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace parrhesia::store::postgres {

// Threading: const methods from any thread.
class Database {
  public:
    explicit Database(const PostgresOptions& options);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Errors: DatabaseError.
    [[nodiscard]] std::unique_ptr<Connection> connect_writer() const;
    [[nodiscard]] std::unique_ptr<Connection> connect_control() const;
    // For connections that read; `connection` is a replica's or the primary's.
    [[nodiscard]] ConnectionOptions reader_options(const std::string& connection) const;

    // Ends after `time`; while the database is known to be away, at once.
    [[nodiscard]] Patience patience(std::chrono::milliseconds time) const;

    // The highest transaction id that a mark of ours may cover.
    void note_mark(std::uint64_t xid) noexcept;
    // For a new connection that is to write. A server that has crashed gives out ids again that had
    // not reached its log, and marks of before cover them: they are used up here, so that no event
    // gets one. Errors: DatabaseError, also when there are so many that the database must be
    // another one than before.
    void pass_marks(Connection& connection) const;

    [[nodiscard]] const PostgresOptions& options() const noexcept { return options_; }
    [[nodiscard]] Availability& availability() noexcept { return availability_; }
    [[nodiscard]] const Availability& availability() const noexcept { return availability_; }
    [[nodiscard]] std::int64_t unix_seconds() const noexcept;

  private:
    [[nodiscard]] ConnectionOptions connection_options(
        const std::vector<Statement>& statements) const;

    const PostgresOptions options_;
    const std::vector<Statement> write_statements_;
    const std::vector<Statement> read_statements_;
    const std::vector<Statement> upkeep_statements_;
    std::atomic<std::uint64_t> highest_mark_{0};
    Availability availability_{"the database is away, events are refused until it is back"};
};

}  // namespace parrhesia::store::postgres
