// One connection to a PostgreSQL server. libpq, without its blocking calls: every wait has a
// deadline, and ends when nobody wants the answer any more.
#pragma once

#include "parrhesia/base/clock.hpp"

#include "store/postgres/error.hpp"
#include "store/postgres/parameters.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;
struct pg_result;

namespace parrhesia::store::postgres {

// A statement of ours: prepared under its name when a connection is made.
struct Statement {
    const char* name;
    const char* sql;
};

// The rows of an answer, in the format that was asked for; numbers are for those in binary format.
class Rows {
  public:
    Rows() = default;
    explicit Rows(pg_result* result) noexcept : result_(result, &clear) {}

    [[nodiscard]] int size() const noexcept;
    [[nodiscard]] bool is_null(int row, int column) const noexcept;
    [[nodiscard]] std::string_view bytes(int row, int column) const noexcept;
    [[nodiscard]] std::int64_t int64(int row, int column) const noexcept;
    [[nodiscard]] std::int32_t int32(int row, int column) const noexcept;
    // An array of bigint, without nulls.
    [[nodiscard]] std::vector<std::uint64_t> numbers(int row, int column) const;

  private:
    static void clear(pg_result* result) noexcept;
    std::unique_ptr<pg_result, void (*)(pg_result*)> result_{nullptr, &clear};
};

// When a wait ends early.
struct Patience {
    base::SteadyTime deadline = base::SteadyTime::max();
    // Asked about every 20 ms while waiting; null: never. True: give up.
    std::function<bool()> gives_up;
};

struct ConnectionOptions {
    std::string connection;  // PostgresOptions::connection
    std::string application_name;
    // What libpq calls it, unless the connection string or the environment says otherwise.
    const char* target_session_attrs = "read-write";
    std::chrono::milliseconds statement_timeout{0};  // 0: none
    std::chrono::milliseconds idle_in_transaction_timeout{0};
    std::span<const Statement> statements;
};

// Threading: one thread at a time. Errors: DatabaseError. After one that is not of the kind
// `statement` the connection is broken, and is only to be destroyed.
class Connection {
  public:
    // Connects, checks that the server is one we can work with, sets up the session.
    Connection(const ConnectionOptions& options, const Patience& patience);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] bool is_broken() const noexcept { return broken_; }
    // For all waits from now on.
    void set_patience(Patience patience) { patience_ = std::move(patience); }

    // Prepares them under their names.
    void prepare(std::span<const Statement> statements);

    // One or more commands in one text, without parameters. Answers of all but the last are
    // dropped, and the last one's is in text format.
    Rows execute(const char* sql);

    // Statements that go out together, and whose answers come in the same order. An error in one
    // is thrown by the next() that it is the answer to; the others after it are then void, and the
    // pipeline has ended.
    void begin_pipeline();
    void send(const Statement& statement, Parameters& parameters);
    void send(const char* sql);  // not prepared, no parameters
    void flush_pipeline();       // all has been sent: now read the answers
    [[nodiscard]] Rows next();
    void end_pipeline();

    // Commands of which the first ones are COPY ... FROM STDIN, with what they copy, in order.
    // Returns when the last command has been answered.
    void copy(const char* sql, std::span<const std::string_view> rows);

  private:
    void connect(const ConnectionOptions& options);
    void check_server();
    void set_up(const ConnectionOptions& options);
    void flush();
    // Waits until a result is there; null: the current command has no more.
    [[nodiscard]] pg_result* take_result();
    void wait(bool for_writing);
    // Takes all results up to the end of the pipeline.
    void drain_pipeline() noexcept;
    [[noreturn]] void fail_lost();
    [[noreturn]] void fail_statement(pg_result* result);

    std::unique_ptr<pg_conn, void (*)(pg_conn*)> connection_;
    Patience patience_;
    bool broken_ = false;
};

}  // namespace parrhesia::store::postgres
