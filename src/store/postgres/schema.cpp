#include "store/postgres/schema.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <stdexcept>
#include <string>

namespace parrhesia::store::postgres {
namespace {

// The first eight bytes of "parrhesi", for pg_advisory_xact_lock(bigint).
constexpr const char* kMigrationLock = "8097859586286153577";

// A released migration is never changed: what it got wrong, the next one mends.
constexpr std::array kMigrations{
    R"sql(
-- Each batch takes 4096 seqs, see event.seq.
CREATE SEQUENCE batch;

CREATE TABLE event (
    -- Names the event inside this database. Of two events that have an author or a recipient in
    -- common, the one stored later has the higher seq.
    seq bigint NOT NULL,
    created_at bigint NOT NULL,
    -- Keys of eight bytes, for indexes that are small and fast: the first of the pubkey, and these
    -- with the kind mixed in. No two indexes begin with the same column, so that each query has one
    -- plan, whatever the statistics say.
    author bigint NOT NULL,
    author_kind bigint NOT NULL,
    -- Of two events of one second the one with the higher rank, which is the lower id, comes first.
    rank bigint NOT NULL,
    expires_at bigint,
    ingest_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    ingested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind integer NOT NULL,
    id bytea NOT NULL,
    pubkey bytea NOT NULL,
    -- Kind, pubkey and identifier, of a replaceable or addressable event.
    address bytea,
    -- The keys of its rows in event_tag.
    tag_keys bigint[] NOT NULL,
    raw text NOT NULL,
    PRIMARY KEY (seq)
);
DO $$ BEGIN
    ALTER TABLE event ALTER COLUMN raw SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4: long events are compressed with pglz';
END $$;
CREATE UNIQUE INDEX event_id ON event (id);
CREATE UNIQUE INDEX event_address ON event (address) WHERE address IS NOT NULL;
CREATE INDEX event_author_kind ON event (author_kind, created_at, rank);
CREATE INDEX event_author ON event (author, created_at, rank);
CREATE INDEX event_kind ON event (kind, created_at, rank);
CREATE INDEX event_created_at ON event (created_at, rank);
CREATE INDEX event_expires_at ON event (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX event_ingested_at ON event USING brin (ingested_at);

CREATE TABLE event_tag (
    -- The first eight bytes of the SHA-256 of the tag's letter and first value.
    key bigint NOT NULL,
    created_at bigint NOT NULL,
    rank bigint NOT NULL,
    seq bigint NOT NULL,
    kind integer NOT NULL
);
CREATE INDEX event_tag_key ON event_tag (key, created_at, rank);

-- What is gone and must not come back (NIP-09, NIP-40, NIP-62).
CREATE TABLE tombstone (
    key bytea PRIMARY KEY,
    until bigint NOT NULL,
    -- Of an expired version: its id.
    id bytea
);

-- Requests to vanish whose events are not all removed yet.
CREATE TABLE vanish_work (
    pubkey bytea PRIMARY KEY,
    until bigint NOT NULL,
    seq bigint NOT NULL
);

-- Every stored event once, for the relays that read along.
CREATE TABLE fanout_log (
    seq bigint NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    event_id bytea NOT NULL,
    kind integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) PARTITION BY RANGE (created_at);
CREATE INDEX fanout_log_xid ON fanout_log (xid, seq);
-- Takes what no partition is there for, so that a relay never has to refuse an event for it.
CREATE TABLE fanout_log_rest PARTITION OF fanout_log DEFAULT;

CREATE TABLE fanout_meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    log_epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    -- The rows of the log up to this transaction may be gone.
    dropped_max_xid xid8 NOT NULL DEFAULT '0'
);
INSERT INTO fanout_meta DEFAULT VALUES;

-- How many there are: the sum of its rows. Every batch adds one, upkeep makes one of many.
CREATE TABLE event_count (
    events bigint NOT NULL,
    tombstones bigint NOT NULL
);

-- Makes the partitions of the fan-out log for the next three hours, and drops those of which all rows
-- are older than `keep`. (Not for this hour: rows that a COPY is about to put into fanout_log_rest
-- would be refused by it.) First it says in fanout_meta what is going to be dropped, and the
-- next call drops it, so that who reads the log can tell in time. Runs with the rights of its owner,
-- so that a relay's role needs none of its own on the schema. Returns how many were made and dropped.
CREATE FUNCTION log_upkeep(keep interval, first_hour integer DEFAULT 1) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = parrhesia, pg_catalog AS $$
DECLARE
    changes integer := 0;
    this_hour timestamptz := date_trunc('hour', clock_timestamp(), 'UTC');
    start timestamptz;
    part text;
    highest xid8;
    announced xid8;
BEGIN
    -- Whoever waits for a lock on the log makes all writers wait behind it.
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR i IN first_hour..3 LOOP
        start := this_hour + i * interval '1 hour';
        part := 'fanout_log_' || to_char(start AT TIME ZONE 'UTC', 'YYYYMMDDHH24');
        IF to_regclass(part) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE fanout_log INCLUDING DEFAULTS)', part);
            EXECUTE format('ALTER TABLE fanout_log ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           part, start, start + interval '1 hour');
            changes := changes + 1;
        END IF;
    END LOOP;
    SELECT dropped_max_xid INTO announced FROM fanout_meta;
    FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'fanout_log'::regclass AND c.relname ~ '^fanout_log_[0-9]{10}$'
                ORDER BY c.relname LOOP
        start := to_timestamp(right(part, 10) || '+00', 'YYYYMMDDHH24TZH');
        EXIT WHEN start + interval '1 hour' > clock_timestamp() - keep;
        EXECUTE format('SELECT max(xid) FROM %I', part) INTO highest;
        IF highest > announced THEN
            -- Not while a snapshot may still hold one of its transactions open.
            UPDATE fanout_meta SET dropped_max_xid = highest
                WHERE highest < pg_snapshot_xmin(pg_current_snapshot());
            EXIT;
        END IF;
        EXECUTE format('DROP TABLE %I', part);
        changes := changes + 1;
    END LOOP;
    DELETE FROM fanout_log_rest WHERE created_at < clock_timestamp() - keep AND xid <= announced;
    UPDATE fanout_meta SET dropped_max_xid = rest.highest
        FROM (SELECT max(xid) AS highest FROM fanout_log_rest
              WHERE created_at < clock_timestamp() - keep) rest
        WHERE rest.highest > dropped_max_xid
            AND rest.highest < pg_snapshot_xmin(pg_current_snapshot());
    RETURN changes;
END $$;
SELECT log_upkeep('1 day', 0);
)sql",
    R"sql(
-- The relays of clusters that share this database (relay_registry.cpp).
CREATE TABLE relay_node (
    cluster text NOT NULL,
    node_id uuid NOT NULL,
    -- Grows with each start of the node.
    boot_id bigint NOT NULL,
    -- host:port by which the others reach it.
    addr text NOT NULL,
    proto int2 NOT NULL,
    state text NOT NULL,
    -- By this server's clock alone: those of the relays may differ.
    last_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (cluster, node_id)
);
)sql",
};

[[nodiscard]] std::runtime_error wrong_version(int found) {
    const int needed = needed_schema_version();
    if (found > needed) {
        return std::runtime_error(fmt::format(
            "the schema of the database has version {}, and this build knows up to {}: use a newer "
            "build",
            found, needed));
    }
    return std::runtime_error(
        fmt::format("the schema of the database has version {}, and this build needs {}: run "
                    "\"parrhesia db migrate\", or set postgres.migrate = true",
                    found, needed));
}

}  // namespace

int needed_schema_version() noexcept { return static_cast<int>(kMigrations.size()); }

int found_schema_version(Connection& connection) {
    const Rows table =
        connection.execute("SELECT to_regclass('parrhesia.schema_version') IS NOT NULL");
    if (table.bytes(0, 0) != "t") return 0;
    const Rows rows =
        connection.execute("SELECT coalesce(max(version), 0) FROM parrhesia.schema_version");
    const std::string_view text = rows.bytes(0, 0);
    int version = 0;
    std::from_chars(text.data(), text.data() + text.size(), version);
    return version;
}

int migrate(Connection& connection) {
    connection.execute(
        fmt::format("BEGIN; SELECT pg_advisory_xact_lock({})", kMigrationLock).c_str());
    int found = 0;
    try {
        found = found_schema_version(connection);
        if (found > needed_schema_version()) throw wrong_version(found);
        if (found == 0) {
            connection.execute(
                "CREATE SCHEMA IF NOT EXISTS parrhesia;"
                "CREATE TABLE IF NOT EXISTS parrhesia.schema_version ("
                "version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())");
        }
        for (int version = found + 1; version <= needed_schema_version(); ++version) {
            connection.execute(kMigrations[static_cast<std::size_t>(version - 1)]);
            connection.execute(
                fmt::format("INSERT INTO schema_version (version) VALUES ({})", version).c_str());
        }
        connection.execute("COMMIT");
    } catch (...) {
        if (!connection.is_broken()) connection.execute("ROLLBACK");
        throw;
    }
    return found;
}

void check_history(Connection& connection) {
    const Rows rows = connection.execute(
        "SELECT coalesce((SELECT ingest_xid >= pg_snapshot_xmax(pg_current_snapshot())"
        " FROM parrhesia.event ORDER BY seq DESC LIMIT 1), false)");
    if (rows.bytes(0, 0) == "f") return;
    throw std::runtime_error(
        "the events of this database come from another server (a restored dump), and their "
        "transaction ids mean nothing here: see \"Backup and restore\" in docs/postgres.md");
}

void check_schema(Connection& connection) {
    const int found = found_schema_version(connection);
    if (found != needed_schema_version()) throw wrong_version(found);
}

}  // namespace parrhesia::store::postgres
