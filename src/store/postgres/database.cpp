#include "store/postgres/database.hpp"

#include "store/postgres/read_statements.hpp"
#include "store/postgres/upkeep.hpp"
#include "store/postgres/write_batch.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace parrhesia::store::postgres {

using std::chrono::steady_clock;

Database::Database(const PostgresOptions& options)
    : options_(options),
      write_statements_(write_statements()),
      read_statements_(read_statements()),
      upkeep_statements_(upkeep_statements()) {}

ConnectionOptions Database::connection_options(const std::vector<Statement>& statements) const {
    ConnectionOptions result;
    result.connection = options_.connection;
    result.application_name = options_.application_name;
    // Who only looks may look at a standby.
    result.target_session_attrs = options_.read_only ? "any" : "read-write";
    result.statement_timeout = options_.write_timeout;
    result.idle_in_transaction_timeout = options_.idle_in_transaction_timeout;
    result.statements = statements;
    return result;
}

std::unique_ptr<Connection> Database::connect_writer() const {
    return std::make_unique<Connection>(connection_options(write_statements_),
                                        patience(options_.connect_timeout));
}

// Also while the database is away: this connection finds out when it is back. Its statements are
// prepared later, once there is a schema.
std::unique_ptr<Connection> Database::connect_control() const {
    return std::make_unique<Connection>(
        connection_options({}), Patience{steady_clock::now() + options_.connect_timeout, {}});
}

ConnectionOptions Database::reader_options(const std::string& connection) const {
    ConnectionOptions result = connection_options(read_statements_);
    result.connection = connection;
    result.target_session_attrs =
        connection == options_.connection && !options_.read_only ? "read-write" : "any";
    result.statement_timeout = options_.read_timeout;
    return result;
}

Patience Database::patience(std::chrono::milliseconds time) const {
    return {steady_clock::now() + time, [this] { return !availability_.is_up(); }};
}

void Database::note_mark(std::uint64_t xid) noexcept {
    std::uint64_t known = highest_mark_.load();
    while (known < xid && !highest_mark_.compare_exchange_weak(known, xid)) {
    }
}

void Database::pass_marks(Connection& connection) const {
    constexpr std::uint64_t kMost = 1'000'000;
    constexpr std::uint64_t kAtOnce = 500;
    const std::uint64_t highest = highest_mark_.load();
    std::string one =
        "BEGIN; SELECT pg_current_xact_id(); COMMIT; SELECT "
        "pg_snapshot_xmax(pg_current_snapshot());";
    for (;;) {
        const Rows rows = connection.execute(one.c_str());
        std::uint64_t next = 0;  // the lowest that has not been given out
        const std::string_view text = rows.bytes(0, 0);
        std::from_chars(text.data(), text.data() + text.size(), next);
        if (next > highest) return;
        const std::uint64_t gap = highest - next + 1;
        if (gap > kMost) {
            throw DatabaseError(DatabaseError::Kind::lost, "",
                                "its transaction ids have gone back by " + std::to_string(gap) +
                                    ": it is another database than before; restart the relay");
        }
        std::string many;
        for (std::uint64_t i = 0; i < std::min(gap, kAtOnce); ++i) {
            many += "BEGIN; SELECT pg_current_xact_id(); COMMIT;";
        }
        connection.execute(many.c_str());
    }
}

std::int64_t Database::unix_seconds() const noexcept {
    return options_.clock != nullptr ? options_.clock->unix_seconds()
                                     : base::SystemClock().unix_seconds();
}

}  // namespace parrhesia::store::postgres
