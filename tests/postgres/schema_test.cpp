// Migrations, and the batches that are larger or wider than usual.
#include "postgres/postgres_testing.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

class PostgresSchemaTest : public testing::Test {
  protected:
    const std::string connection = shared_postgres().make_database();
};

TEST_F(PostgresSchemaTest, ManyRelaysMayStartAtOnceOnAnEmptyDatabase) {
    std::vector<std::thread> threads;
    std::atomic<int> started{0};
    for (int i = 0; i < 10; ++i) {
        threads.emplace_back([&] {
            const auto store = store::open_postgres_store(options_for(connection));
            if (put(*store, note(1, 1, {}, "author " + std::to_string(started))).status ==
                PutStatus::stored) {
                ++started;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();

    EXPECT_EQ(started, 10);
    EXPECT_EQ(run_sql(connection, "SELECT count(*) FROM parrhesia.event"), "10");
    EXPECT_EQ(
        run_sql(connection, "SELECT count(*) || ' ' || max(version) FROM parrhesia.schema_version"),
        fmt::format("{0} {0}", store::postgres_schema_version()));
}

TEST_F(PostgresSchemaTest, MigratingTwiceDoesNothing) {
    EXPECT_EQ(store::migrate_postgres(options_for(connection)).found, 0);
    const store::Migration again = store::migrate_postgres(options_for(connection));

    EXPECT_EQ(again.found, store::postgres_schema_version());
    EXPECT_EQ(again.reached, store::postgres_schema_version());
}

TEST_F(PostgresSchemaTest, AnOlderSchemaIsBroughtUpToDateWithItsEvents) {
    const EventPtr event = note(5);
    (void)put(*store::open_postgres_store(options_for(connection)), event);
    // As version 1 was.
    (void)run_sql(connection,
                  "SET search_path = parrhesia; DROP TABLE relay_node;"
                  "DELETE FROM schema_version WHERE version > 1");

    const store::Migration migration = store::migrate_postgres(options_for(connection));

    EXPECT_EQ(migration.found, 1);
    EXPECT_EQ(migration.reached, store::postgres_schema_version());
    EXPECT_EQ(run_sql(connection, "SELECT count(*) FROM parrhesia.relay_node"), "0");
    EXPECT_EQ(query(*store::open_postgres_store(options_for(connection)), Filter()),
              json_of({event}));
}

// The message of what is thrown; empty when nothing is.
std::string refusal_of(const store::PostgresOptions& options) {
    try {
        (void)store::open_postgres_store(options);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "";
}

TEST_F(PostgresSchemaTest, ANewerSchemaIsRefusedWithTheRemedy) {
    (void)store::migrate_postgres(options_for(connection));
    (void)run_sql(connection, "INSERT INTO parrhesia.schema_version VALUES (99)");

    EXPECT_NE(refusal_of(options_for(connection)).find("use a newer build"), std::string::npos);
    EXPECT_THROW((void)store::migrate_postgres(options_for(connection)), std::runtime_error);
}

TEST_F(PostgresSchemaTest, AMissingSchemaIsRefusedWhereItIsNotToBeMade) {
    store::PostgresOptions options = options_for(connection);
    options.migrate = false;
    EXPECT_NE(refusal_of(options).find("db migrate"), std::string::npos);
    options.migrate = true;
    options.read_only = true;
    EXPECT_NE(refusal_of(options).find("db migrate"), std::string::npos);
    EXPECT_EQ(run_sql(connection, "SELECT to_regnamespace('parrhesia') IS NULL"), "t");
}

TEST_F(PostgresSchemaTest, AReadOnlyStoreReadsAndWritesNothing) {
    const EventPtr event = note(5);
    (void)put(*store::open_postgres_store(options_for(connection)), event);
    store::PostgresOptions options = options_for(connection);
    options.read_only = true;
    const auto store = store::open_postgres_store(options);

    EXPECT_EQ(query(*store, Filter()), json_of({event}));
    EXPECT_EQ(put(*store, note(6)).error, Errc::store_not_writable);
    EXPECT_EQ(store->writable(), Errc::store_not_writable);
}

TEST_F(PostgresSchemaTest, ARestoredDumpIsRefusedWithTheRemedy) {
    (void)put(*store::open_postgres_store(options_for(connection)), note(1));
    (void)run_sql(connection, "UPDATE parrhesia.event SET ingest_xid = '4000000000'");

    EXPECT_NE(refusal_of(options_for(connection)).find("Backup and restore"), std::string::npos);
}

TEST_F(PostgresSchemaTest, ADatabaseInAnotherEncodingIsRefused) {
    (void)run_sql(connection, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    const std::string latin = connection.substr(0, connection.rfind('=') + 1) + "latin";

    EXPECT_NE(refusal_of(options_for(latin)).find("UTF8"), std::string::npos);
}

TEST_F(PostgresSchemaTest, ABatchLargerThanATransactionIsStoredInOrder) {
    const auto store = store::open_postgres_store(options_for(connection));
    std::vector<EventPtr> batch;
    for (int i = 0; i < 1203; ++i) batch.push_back(note(i, i % 3 == 0 ? 0 : 1));

    const auto results = put_all(*store, batch);

    for (const PutResult& result : results) ASSERT_EQ(result.status, PutStatus::stored);
    EXPECT_EQ(query(*store, kinds_filter({0})), json_of({batch[1200]}));
    EXPECT_EQ(query(*store, kinds_filter({1})).size(), 802U);
}

TEST_F(PostgresSchemaTest, AGiftWrapToMoreThanHaveLocksOfTheirOwn) {
    const auto store = store::open_postgres_store(options_for(connection));
    Tags recipients;
    for (int i = 0; i < 3000; ++i) {
        recipients.push_back(
            {"p", base::to_hex(event::Keypair::from_seed("r" + std::to_string(i)).pubkey())});
    }
    const EventPtr wrap = note(100, 1059, recipients);
    ASSERT_EQ(put(*store, wrap).status, PutStatus::stored);
    EXPECT_EQ(query(*store, tag_filter('p', {recipients[2999][1]})), json_of({wrap}));

    EXPECT_EQ(put(*store, deletion_of(wrap, 101, "r2999")).status, PutStatus::stored);

    EXPECT_TRUE(query(*store, kinds_filter({1059})).empty());
    expect_refused(put(*store, wrap), Errc::deleted);
    expect_consistent(connection);
}

TEST_F(PostgresSchemaTest, TheLogsPartitionsAreMadeAheadAndDropped) {
    const auto store = store::open_postgres_store(options_for(connection));
    ASSERT_EQ(put(*store, note(1)).status, PutStatus::stored);
    EXPECT_EQ(run_sql(connection, "SELECT count(*) FROM parrhesia.fanout_log_rest"), "0");
    // A partition of long ago.
    (void)run_sql(connection,
                  "SET search_path = parrhesia;"
                  "CREATE TABLE fanout_log_2020010100 (LIKE fanout_log INCLUDING DEFAULTS);"
                  "ALTER TABLE fanout_log ATTACH PARTITION fanout_log_2020010100"
                  " FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-01-01 01:00+00');"
                  "INSERT INTO fanout_log (seq, event_id, kind, created_at)"
                  " VALUES (1, '\\x00', 1, '2020-01-01 00:30+00')");
    const auto announced = [&] {
        return run_sql(connection, "SELECT dropped_max_xid FROM parrhesia.fanout_meta") != "0";
    };
    const auto is_there = [&] {
        return run_sql(connection,
                       "SELECT to_regclass('parrhesia.fanout_log_2020010100') IS NOT NULL") == "t";
    };
    const auto tend = [&] { (void)run_sql(connection, "SELECT parrhesia.log_upkeep('1 day')"); };
    // Other tests' transactions may hold the horizon back for a moment.
    EXPECT_TRUE(eventually([&] {
        tend();
        return announced();
    }));
    EXPECT_TRUE(is_there()) << "announced before it goes";
    tend();
    EXPECT_FALSE(is_there());
    EXPECT_EQ(run_sql(connection, "SELECT count(*) FROM parrhesia.fanout_log"), "1");
}

TEST(PostgresConnectionString, IsShownWithoutItsPassword) {
    const std::string shown =
        store::without_password("postgresql://relay:se%20cret@db.example/nostr?sslmode=require");
    EXPECT_EQ(shown.find("cret"), std::string::npos) << shown;
    EXPECT_NE(shown.find("db.example"), std::string::npos) << shown;
    EXPECT_NE(shown.find("sslmode=require"), std::string::npos) << shown;
    EXPECT_EQ(store::without_password("password=\"x").find('x'), std::string::npos);
    EXPECT_EQ(store::problem_of_connection("host=/tmp dbname=x"), "");
    const std::string problem = store::problem_of_connection("hots=/tmp password=secret");
    EXPECT_NE(problem, "");
    EXPECT_EQ(problem.find("secret"), std::string::npos) << problem;
}

}  // namespace
}  // namespace parrhesia::test
