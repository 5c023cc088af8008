// The store that several relays share: a PostgreSQL database, version 15 or later.
//
// put() is one transaction for each batch; queries are prepared statements on connections of their
// own. docs/postgres.md has the tables, the locks and what happens when the database is away.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/store/event_store.hpp"
#include "parrhesia/store/retention.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::store {

struct PostgresOptions {
    // As libpq takes it: a URI or "key=value ...", with several hosts if there is a standby that
    // may be promoted. What it does not name comes from libpq's environment variables.
    std::string connection;
    // Standbys that queries may read from; the same form.
    std::vector<std::string> replicas;
    // A replica that is further behind is left out until it has caught up.
    std::chrono::milliseconds max_replica_lag{5000};
    std::size_t read_connections = 4;  // to the primary, and to each replica
    std::string application_name = "parrhesia";
    std::chrono::milliseconds connect_timeout{3000};
    // Of one batch or one step of upkeep, from its first byte to its commit; then the connection is
    // given up, and the outcome unknown.
    std::chrono::milliseconds write_timeout{5000};
    // Of one statement of a query. The database ends it by itself, too.
    std::chrono::milliseconds read_timeout{30'000};
    // The database ends a transaction of ours that stands still (a relay that hangs).
    std::chrono::milliseconds idle_in_transaction_timeout{10'000};
    // Bring the schema up to date when connecting; else one that is not is refused.
    bool migrate = true;
    // Look only: nothing is ever written, not even the schema.
    bool read_only = false;
    // Throw when the database cannot be reached now, instead of going on trying in the background.
    bool must_connect = false;

    // As in LmdbOptions and EmbeddedOptions.
    std::vector<std::string> relay_urls;
    const base::Clock* clock = nullptr;
    std::vector<RetentionRule> retention;
    std::chrono::seconds retention_interval{3600};
    std::chrono::milliseconds upkeep_interval{1000};
    // How long the rows of the fan-out log are kept.
    std::chrono::hours log_retention{24};
    // Outlives the store; null: no metrics.
    base::MetricsRegistry* metrics = nullptr;
};

// Threading: starts the thread "store-postgres", which ends with the store.
// Errors: throws std::runtime_error, with the remedy and without a password: a connection string
// that libpq cannot read; a schema that is newer than this build, or older and not to be migrated;
// with must_connect also a database that cannot be reached.
[[nodiscard]] std::unique_ptr<EventStore> open_postgres_store(const PostgresOptions& options);

// What migrate_postgres() has found and done.
struct Migration {
    int found = 0;    // version of the schema before; 0: none
    int reached = 0;  // version now
};
// Brings the schema up to the version of this build; several at a time do not disturb each other.
// Errors: throws std::runtime_error as open_postgres_store() with must_connect.
Migration migrate_postgres(const PostgresOptions& options);
// The version of the schema that this build needs.
[[nodiscard]] int postgres_schema_version() noexcept;

// The connection string as it may be logged: passwords are replaced by "***". Of one that libpq
// cannot read nothing is shown.
[[nodiscard]] std::string without_password(std::string_view connection);
// Empty when libpq can read it, else why not; without its password.
[[nodiscard]] std::string problem_of_connection(const std::string& connection);

}  // namespace parrhesia::store
