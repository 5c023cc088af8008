// What databases do at night: they stop, die, hang, fill up, fail over. The store refuses, tells
// the truth about what it has stored, and is back by itself.
#include "postgres/postgres_testing.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

using namespace std::chrono_literals;
using store::PostgresOptions;

// Times so short that a hanging server is noticed soon, and so long that a slow one is not.
PostgresOptions quick_options(const std::string& connection) {
    PostgresOptions options = options_for(connection);
    options.connect_timeout = 2000ms;
    options.write_timeout = 3000ms;
    options.read_timeout = 5000ms;
    return options;
}

bool can_put(EventStore& store) { return put(store, note(1)).status == PutStatus::stored; }

base::error_code scan_error(EventStore& store) {
    ScanPage page;
    return store.scan({Filter()})->next({}, page);
}

// A server of its own, so that it may be ended.
class PostgresFaultTest : public testing::Test {
  protected:
    explicit PostgresFaultTest(PostgresSettings settings = {}) : server(std::move(settings)) {}
    void open() { store = store::open_postgres_store(quick_options(connection)); }

    void expect_away() {
        EXPECT_TRUE(eventually([&] { return store->writable() == Errc::store_unavailable; }));
        EXPECT_EQ(put(*store, note(1)).error, Errc::store_unavailable);
        EXPECT_EQ(scan_error(*store), Errc::store_unavailable);
    }
    void expect_back() {
        EXPECT_TRUE(eventually([&] { return can_put(*store); }));
        EXPECT_FALSE(store->writable());
        EXPECT_FALSE(scan_error(*store));
    }

    PostgresServer server;
    const std::string connection = server.make_database();
    std::unique_ptr<EventStore> store;
};

TEST_F(PostgresFaultTest, AServerThatStopsAndStartsAgain) {
    open();
    ASSERT_TRUE(can_put(*store));
    ASSERT_FALSE(scan_error(*store));

    for (int round = 0; round < 2; ++round) {
        server.stop();
        expect_away();
        server.start();
        expect_back();
    }
}

TEST_F(PostgresFaultTest, AServerThatHangsIsGivenUp) {
    open();
    ASSERT_TRUE(can_put(*store));
    ASSERT_FALSE(scan_error(*store));

    server.pause();
    EXPECT_EQ(put(*store, note(2)).status, PutStatus::failed);
    expect_away();
    server.resume();

    expect_back();
}

TEST_F(PostgresFaultTest, AQueryThatHangsWithTheServerEnds) {
    open();
    ASSERT_FALSE(scan_error(*store));

    server.pause();
    EXPECT_TRUE(scan_error(*store));
    server.resume();

    expect_back();
}

TEST_F(PostgresFaultTest, TheStoreOpensBeforeItsDatabaseIsThere) {
    server.stop();
    PostgresOptions options = quick_options(connection);
    EXPECT_THROW((void)store::open_postgres_store(options), std::runtime_error);
    options.must_connect = false;

    store = store::open_postgres_store(options);

    expect_away();
    server.start();
    expect_back();
}

TEST_F(PostgresFaultTest, EndedConnectionsAreMadeAnew) {
    open();
    for (int round = 0; round < 5; ++round) {
        ASSERT_TRUE(can_put(*store));
        ASSERT_FALSE(scan_error(*store));
        (void)server.sql("postgres",
                         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                         " WHERE application_name = 'parrhesia'");
        // The store finds out by itself; whoever comes first gets a new connection.
        EXPECT_TRUE(eventually([&] { return can_put(*store); }));
        EXPECT_TRUE(eventually([&] { return !scan_error(*store); }));
    }
}

TEST_F(PostgresFaultTest, AFullDiskRefusesWritesAndServesReads) {
    open();
    const EventPtr before = note(5);
    ASSERT_EQ(put(*store, before).status, PutStatus::stored);
    (void)run_sql(connection,
                  "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " RAISE EXCEPTION 'could not extend file: No space left on device'"
                  " USING ERRCODE = 'disk_full'; END $$;"
                  "CREATE TRIGGER full_disk BEFORE INSERT ON parrhesia.event"
                  " FOR EACH ROW EXECUTE FUNCTION full_disk()");

    EXPECT_EQ(put(*store, note(6)).error, Errc::store_not_writable);
    EXPECT_EQ(store->writable(), Errc::store_not_writable);
    EXPECT_EQ(query(*store, Filter()), json_of({before}));
    (void)run_sql(connection, "DROP TRIGGER full_disk ON parrhesia.event");

    expect_back();
    expect_consistent(connection);
}

TEST_F(PostgresFaultTest, OneEventThatTheDatabaseDoesNotTakeHoldsUpNoOthers) {
    open();
    const EventPtr bad = note(7);
    (void)run_sql(connection,
                  "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " IF NEW.id = '\\x" +
                      base::to_hex(bad->id()) +
                      "' THEN RAISE EXCEPTION 'no'"
                      " USING ERRCODE = '22000'; END IF; RETURN NEW; END $$;"
                      "CREATE TRIGGER refuse BEFORE INSERT ON parrhesia.event"
                      " FOR EACH ROW EXECUTE FUNCTION refuse()");

    const auto results = put_all(*store, {note(1), note(2), bad, note(3), note(4)});

    for (std::size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(results[i].status, i == 2 ? PutStatus::failed : PutStatus::stored) << i;
    }
    EXPECT_FALSE(store->writable());
    EXPECT_EQ(query(*store, Filter()).size(), 4U);
    expect_consistent(connection);
}

// Holds a lock on the events in a session of its own.
class LockedEvents {
  public:
    explicit LockedEvents(const std::string& connection)
        : thread_([this, connection] {
              // Waits in the server until the advisory lock is free.
              (void)run_sql(connection,
                            "BEGIN; LOCK TABLE parrhesia.event IN ACCESS EXCLUSIVE MODE;"
                            "SELECT pg_advisory_lock(1)");
              done_ = true;
          }) {}
    ~LockedEvents() { thread_.join(); }
    LockedEvents(const LockedEvents&) = delete;
    LockedEvents& operator=(const LockedEvents&) = delete;

  private:
    std::atomic<bool> done_{false};
    std::thread thread_;
};

TEST_F(PostgresFaultTest, AStatementThatTakesTooLongFailsAndTheNextOneDoesNot) {
    PostgresOptions options = quick_options(connection);
    options.read_timeout = 1500ms;
    options.write_timeout = 1500ms;
    store = store::open_postgres_store(options);
    ASSERT_TRUE(can_put(*store));
    (void)run_sql(connection,
                  "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " PERFORM pg_sleep(30); RETURN NEW; END $$;"
                  "CREATE TRIGGER slow BEFORE INSERT ON parrhesia.event"
                  " FOR EACH ROW EXECUTE FUNCTION slow()");

    const PutResult result = put(*store, note(9));
    EXPECT_EQ(result.status, PutStatus::failed);
    EXPECT_TRUE(result.error);
    (void)run_sql(connection, "DROP TRIGGER slow ON parrhesia.event");

    expect_back();
}

TEST_F(PostgresFaultTest, ACancelledQueryStopsWaiting) {
    PostgresOptions options = quick_options(connection);
    options.read_timeout = 60s;
    options.write_timeout = 60s;
    store = store::open_postgres_store(options);
    ASSERT_TRUE(can_put(*store));
    // The advisory lock is held by a session of ours, so that the locked events stay locked.
    const std::string holder =
        "DO $$ BEGIN PERFORM pg_advisory_lock(1); PERFORM pg_sleep(20); END $$";
    std::thread advisory([&] {
        try {
            (void)run_sql(connection, holder);
        } catch (const std::exception&) {  // ended below
        }
    });
    const auto count = [&](const char* condition) {
        return run_sql(connection, std::string("SELECT count(*) FROM pg_locks WHERE ") + condition);
    };
    EXPECT_TRUE(eventually([&] { return count("locktype = 'advisory' AND objid = 1") == "1"; }));
    {
        const LockedEvents locked(connection);
        EXPECT_TRUE(eventually([&] {
            return count(
                       "mode = 'AccessExclusiveLock' AND granted AND"
                       " relation = 'parrhesia.event'::regclass") == "1";
        }));
        std::atomic<bool> cancelled{false};
        ScanBudget budget;
        budget.cancelled = &cancelled;
        std::thread canceller([&] {
            EXPECT_TRUE(eventually([&] {
                return count(
                           "NOT granted AND relation ="
                           " 'parrhesia.event'::regclass") != "0";
            }));
            cancelled = true;
        });
        ScanPage page;
        EXPECT_TRUE(store->scan({Filter()})->next(budget, page));
        canceller.join();
        (void)run_sql(connection,
                      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                      " WHERE query LIKE 'DO $$ BEGIN PERFORM pg_advisory_lock%'");
        advisory.join();
    }
    expect_back();
}

TEST_F(PostgresFaultTest, APromotedStandbyTakesOver) {
    const auto standby = server.make_standby();
    const std::string database = connection.substr(connection.rfind("dbname="));
    const std::string both = "host=" + server.socket_folder().string() + "," +
                             standby->socket_folder().string() + " user=postgres " + database;
    store = store::open_postgres_store(quick_options(both));
    const EventPtr before = note(5);
    ASSERT_EQ(put(*store, before).status, PutStatus::stored);
    const std::string name = database.substr(database.find('=') + 1);
    ASSERT_TRUE(eventually([&] {
        return standby->sql(name, "SELECT count(*) FROM pg_tables WHERE tablename = 'event'") ==
                   "1" &&
               standby->sql(name, "SELECT count(*) FROM parrhesia.event") == "1";
    }));

    server.kill();
    expect_away();
    standby->promote();

    expect_back();
    EXPECT_EQ(query(*store, Filter()).front(), before->json());
}

// What is written must be on the disk: the machine seems to have died.
class PostgresCrashTest : public PostgresFaultTest {
  protected:
    PostgresCrashTest() : PostgresFaultTest({.durable = true, .more = {}}) {}
};

TEST_F(PostgresCrashTest, WhatWasAcknowledgedSurvivesKill9UnderLoad) {
    open();
    std::atomic<bool> writing{true};
    std::mutex mutex;
    std::vector<EventPtr> acknowledged;
    std::thread writer([&] {
        while (writing) {
            const std::vector<EventPtr> batch{
                note(10), note(11, 7, {{"t", "x"}}),
                note(12, 30000, {{"d", std::to_string(acknowledged.size())}})};
            const auto results = put_all(*store, batch);
            const std::scoped_lock lock(mutex);
            for (std::size_t i = 0; i < batch.size(); ++i) {
                if (results[i].status == PutStatus::stored) acknowledged.push_back(batch[i]);
            }
        }
    });
    const auto count = [&] {
        const std::scoped_lock lock(mutex);
        return acknowledged.size();
    };
    for (int round = 0; round < 5; ++round) {
        const std::size_t before = count();
        EXPECT_TRUE(eventually([&] { return count() >= before + 300; }));
        server.kill();
        server.start();
    }
    const std::size_t before = count();
    EXPECT_TRUE(eventually([&] { return count() > before; }));
    writing = false;
    writer.join();

    for (const EventPtr& event : acknowledged) {
        Filter by_id;
        by_id.ids = {event->id()};
        ASSERT_EQ(query(*store, by_id), json_of({event}));
    }
    expect_consistent(connection);
}

// Transaction ids that had not reached the log when the server died are given out again.
TEST_F(PostgresCrashTest, AMarkOfBeforeACrashCoversNothingOfAfterIt) {
    open();
    const EventPtr event = note(1);
    ASSERT_EQ(put(*store, event).status, PutStatus::stored);
    for (int i = 0; i < 50; ++i) ASSERT_EQ(put(*store, event).status, PutStatus::duplicate);
    const auto scan = store->scan({Filter()});
    ScanPage page;
    ASSERT_FALSE(scan->next({}, page));

    server.kill();
    server.start();

    std::size_t stored = 0;
    EXPECT_TRUE(eventually([&] {
        const PutResult result = put(*store, note(2));
        if (result.status != PutStatus::stored) return false;
        EXPECT_FALSE(scan->mark().covers(result.position)) << result.position.seq;
        return ++stored == 60;
    }));
}

// The COMMIT waits for a standby that does not exist, so it is done and not answered.
TEST_F(PostgresFaultTest, AnEventOfUnknownOutcomeIsNewWhenItComesAgain) {
    open();
    ASSERT_TRUE(can_put(*store));
    const auto wait_for_standby = [&](bool yes) {
        (void)server.sql("postgres", yes ? "ALTER SYSTEM SET synchronous_standby_names = 'nobody'"
                                         : "ALTER SYSTEM RESET synchronous_standby_names");
        (void)server.sql("postgres", "SELECT pg_reload_conf()");
        EXPECT_TRUE(eventually([&] {
            return (server.sql("postgres", "SHOW synchronous_standby_names") == "nobody") == yes;
        }));
    };
    const std::vector<EventPtr> batch{note(5), note(6, 0)};
    wait_for_standby(true);
    for (const PutResult& result : put_all(*store, batch)) {
        EXPECT_EQ(result.status, PutStatus::failed);
    }
    wait_for_standby(false);
    EXPECT_TRUE(eventually([&] { return query(*store, kinds_filter({0})).size() == 1; }));
    expect_back();

    const auto again = put_all(*store, batch);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        EXPECT_EQ(again[i].status, PutStatus::stored) << "nobody has been told of it";
        EXPECT_NE(again[i].position.seq, 0U);
    }
    for (const PutResult& result : put_all(*store, batch)) {
        EXPECT_EQ(result.status, PutStatus::duplicate);
    }
    expect_consistent(connection);
}

TEST_F(PostgresFaultTest, EndedConnectionsUnderLoadLoseNothingThatWasAcknowledged) {
    open();
    std::atomic<bool> ending{true};
    std::thread ender([&] {
        while (ending) {
            (void)server.sql("postgres",
                             "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                             " WHERE application_name = 'parrhesia' AND random() < 0.5");
        }
    });
    std::vector<EventPtr> acknowledged;
    std::size_t refused = 0;
    for (int i = 0; i < 200; ++i) {
        const EventPtr event = note(i);
        const PutResult result = put(*store, event);
        if (result.status == PutStatus::stored || result.status == PutStatus::duplicate) {
            acknowledged.push_back(event);
        } else {
            ++refused;
        }
    }
    ending = false;
    ender.join();
    expect_back();
    for (const EventPtr& event : acknowledged) {
        Filter by_id;
        by_id.ids = {event->id()};
        ASSERT_EQ(query(*store, by_id), json_of({event}));
    }
    EXPECT_EQ(acknowledged.size() + refused, 200U);
    expect_consistent(connection);
}

}  // namespace
}  // namespace parrhesia::test
