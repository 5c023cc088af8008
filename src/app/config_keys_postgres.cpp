#include "app/config_keys_postgres.hpp"

#include "app/key_builders.hpp"

namespace parrhesia::app {

void add_postgres_keys(std::vector<ConfigKey>& keys) {
    using P = PostgresSection;
    const Section section("postgres", &Config::postgres, keys);
    section.connection(
        "connection", &P::connection,
        "The database: \"postgresql://relay@db.example.com/nostr?sslmode=verify-full\", or "
        "\"host=/run/postgresql dbname=nostr\". Everything that libpq knows may stand in it: TLS "
        "(sslmode, sslrootcert, sslcert, sslkey), several hosts with "
        "target_session_attrs=read-write, passfile. What it does not name comes from libpq's own "
        "variables (PGHOST, PGDATABASE, PGPASSWORD, ...), password file and defaults; empty, that "
        "is all of it. A password is better kept in a passfile or in "
        "PARRHESIA_POSTGRES_CONNECTION than in a file that many read; it is shown nowhere.");
    section.connections(
        "replicas", &P::replicas,
        "Standbys that stored queries may be read from, in the form of postgres.connection. In the "
        "environment and with --set, write them in brackets and quotes, since a connection string "
        "may have commas. Commands other than relay do not use them.");
    section.integer("max_replica_lag_ms", &P::max_replica_lag_ms, {0, 3'600'000, "milliseconds"},
                    "A replica that is further behind is not read from until it has caught up.");
    section.integer("read_connections", &P::read_connections, {0, 256, "connections"},
                    "Connections for queries to the primary, and to each replica. 0 is one for "
                    "each of store.readers. Writing has one more, of its own.");
    section.text("application_name", &P::application_name, Text::not_empty,
                 "How the database lists the relay's connections (pg_stat_activity).");
    section.integer("connect_timeout_ms", &P::connect_timeout_ms, {100, 60'000, "milliseconds"},
                    "A host that has not answered by then is given up, and the next one tried.");
    section.integer("write_timeout_ms", &P::write_timeout_ms, {100, 600'000, "milliseconds"},
                    "A transaction that stores events must have been committed by then. If not, "
                    "the connection is given up, and its events are refused with \"error: \".");
    section.integer("idle_in_transaction_ms", &P::idle_in_transaction_ms,
                    {1000, 3'600'000, "milliseconds"},
                    "The database ends a transaction of a relay that hangs after this time, so "
                    "that its locks do not stop the others.");
    section.boolean("migrate", &P::migrate,
                    "Bring the schema up to date when a command opens the database for writing. "
                    "Otherwise \"parrhesia db migrate\" does it, and nothing starts before that.");
    section.integer("log_retention_hours", &P::log_retention_hours, {1, 8760, "hours"},
                    "How long the log is kept from which other relays learn what was stored. A "
                    "relay that was away for longer has missed something.");
}

}  // namespace parrhesia::app
