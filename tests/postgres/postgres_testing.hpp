// What the tests of the PostgreSQL store share.
#pragma once

#include "parrhesia/store/postgres_store.hpp"

#include "store/deletion_testing.hpp"
#include "store/store_testing.hpp"
#include "support/postgres_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace parrhesia::test {

[[nodiscard]] inline store::PostgresOptions options_for(const std::string& connection) {
    store::PostgresOptions options;
    options.connection = connection;
    options.relay_urls = {kRelayUrl};
    options.must_connect = true;
    options.upkeep_interval = std::chrono::milliseconds(1);
    return options;
}

// Back to a database without a schema.
inline void empty_database(const std::string& connection) {
    (void)run_sql(connection, "DROP SCHEMA IF EXISTS parrhesia CASCADE");
}

// Fails the test where the tables contradict each other.
inline void expect_consistent(const std::string& connection) {
    const auto count = [&](const char* what, const char* query) {
        EXPECT_EQ(run_sql(connection,
                          std::string("SET search_path = parrhesia; SELECT count(*) ") + query),
                  "0")
            << what;
    };
    count("tags without their event",
          "FROM event_tag t WHERE NOT EXISTS (SELECT FROM event e WHERE e.seq = t.seq)");
    count("events whose tags are not those they say",
          "FROM event e WHERE e.tag_keys IS DISTINCT FROM coalesce((SELECT array_agg(t.key ORDER BY"
          " t.key) FROM event_tag t WHERE t.seq = e.seq AND t.created_at = e.created_at"
          " AND t.rank = e.rank AND t.kind = e.kind), '{}')");
    count("wrong counts",
          "FROM (SELECT coalesce(sum(events), 0) AS events, coalesce(sum(tombstones), 0) AS"
          " tombstones FROM event_count) c WHERE c.events <> (SELECT count(*) FROM event)"
          " OR c.tombstones <> (SELECT count(*) FROM tombstone)");
    count("events of which the log knows nothing",
          "FROM event e WHERE NOT EXISTS (SELECT FROM fanout_log l WHERE l.seq = e.seq"
          " AND l.xid = e.ingest_xid AND l.event_id = e.id)");
    count("events that are not what their columns say",
          "FROM event e WHERE NOT starts_with(e.raw, format('{\"id\":\"%s\",\"pubkey\":\"%s\","
          "\"created_at\":%s,\"kind\":%s,', encode(e.id, 'hex'), encode(e.pubkey, 'hex'),"
          " e.created_at, e.kind))"
          " OR substr(e.pubkey, 1, 8) <> decode(lpad(to_hex(e.author), 16, '0'), 'hex')");
}

}  // namespace parrhesia::test
