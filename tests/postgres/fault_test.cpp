// What databases do at night: they stop, die, hang, fill up, fail over. The store refuses, tells
// the truth about what it has stored, and is back by itself.
#include "postgres/fault_testing.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

using namespace std::chrono_literals;
using store::PostgresOptions;

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
        expect_back();
        (void)server.sql("postgres",
                         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                         " WHERE application_name = 'parrhesia'");
    }
    // The store finds out by itself; whoever comes first gets a new connection.
    expect_back();
}

// From now on each event that is inserted meets these statements of plpgsql first.
void on_insert(const std::string& connection, const std::string& statements) {
    (void)run_sql(connection,
                  "CREATE OR REPLACE FUNCTION on_insert() RETURNS trigger LANGUAGE plpgsql AS $$"
                  " BEGIN " +
                      statements +
                      " RETURN NEW; END $$;"
                      "CREATE OR REPLACE TRIGGER on_insert BEFORE INSERT ON parrhesia.event"
                      " FOR EACH ROW EXECUTE FUNCTION on_insert()");
}

TEST_F(PostgresFaultTest, AFullDiskRefusesWritesAndServesReads) {
    open();
    const EventPtr before = note(5);
    ASSERT_EQ(put(*store, before).status, PutStatus::stored);
    on_insert(connection,
              "RAISE EXCEPTION 'could not extend file: No space left on device'"
              " USING ERRCODE = 'disk_full';");

    EXPECT_EQ(put(*store, note(6)).error, Errc::store_not_writable);
    EXPECT_EQ(store->writable(), Errc::store_not_writable);
    EXPECT_EQ(query(*store, Filter()), json_of({before}));
    (void)run_sql(connection, "DROP TRIGGER on_insert ON parrhesia.event");

    expect_back();
    expect_consistent(connection);
}

TEST_F(PostgresFaultTest, OneEventThatTheDatabaseDoesNotTakeHoldsUpNoOthers) {
    open();
    const EventPtr bad = note(7);
    on_insert(connection, "IF NEW.id = '\\x" + base::to_hex(bad->id()) +
                              "' THEN RAISE EXCEPTION 'no' USING ERRCODE = '22000'; END IF;");

    const auto results = put_all(*store, {note(1), note(2), bad, note(3), note(4)});

    for (std::size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(results[i].status, i == 2 ? PutStatus::failed : PutStatus::stored) << i;
    }
    EXPECT_FALSE(store->writable());
    EXPECT_EQ(query(*store, Filter()).size(), 4U);
    expect_consistent(connection);
}

TEST_F(PostgresFaultTest, AStatementThatTakesTooLongFailsAndTheNextOneDoesNot) {
    PostgresOptions options = quick_options(connection);
    options.read_timeout = 1500ms;
    options.write_timeout = 1500ms;
    store = store::open_postgres_store(options);
    expect_back();
    on_insert(connection, "PERFORM pg_sleep(30);");

    const PutResult result = put(*store, note(9));
    EXPECT_EQ(result.status, PutStatus::failed);
    EXPECT_TRUE(result.error);
    (void)run_sql(connection, "DROP TRIGGER on_insert ON parrhesia.event");

    expect_back();
}

TEST_F(PostgresFaultTest, ACancelledQueryStopsWaiting) {
    PostgresOptions options = quick_options(connection);
    options.read_timeout = 60s;
    options.write_timeout = 60s;
    store = store::open_postgres_store(options);
    ASSERT_TRUE(can_put(*store));
    std::thread locker([this] {
        EXPECT_THROW((void)run_sql(connection,
                                   "BEGIN; LOCK TABLE parrhesia.event IN ACCESS EXCLUSIVE MODE;"
                                   " SELECT pg_sleep(60)"),
                     std::runtime_error)
            << "ended below";
    });
    const auto has_lock = [this](const char* condition) {
        return run_sql(connection, std::string("SELECT count(*) <> 0 FROM pg_locks WHERE relation ="
                                               " 'parrhesia.event'::regclass AND ") +
                                       condition) == "t";
    };
    EXPECT_TRUE(eventually([&] { return has_lock("mode = 'AccessExclusiveLock' AND granted"); }));
    std::atomic<bool> cancelled{false};
    std::thread canceller([&] {
        EXPECT_TRUE(eventually([&] { return has_lock("NOT granted"); }));
        cancelled = true;
    });
    ScanBudget budget;
    budget.cancelled = &cancelled;
    ScanPage page;

    EXPECT_TRUE(store->scan({Filter()})->next(budget, page));

    canceller.join();
    (void)run_sql(connection,
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                  " WHERE query LIKE 'BEGIN; LOCK TABLE%'");
    locker.join();
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
        // Sessions wait once the checkpointer has told them to; it reads its settings first.
        (void)server.sql("postgres", "CHECKPOINT");
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
        // The last connections that were ended are found out about one by one.
        ASSERT_TRUE(eventually([&] {
            ScanPage page;
            return !store->scan({by_id})->next({}, page) && page.rows.size() == 1 &&
                   page.json(page.rows[0]) == event->json();
        }));
    }
    EXPECT_EQ(acknowledged.size() + refused, 200U);
    expect_consistent(connection);
}

}  // namespace
}  // namespace parrhesia::test
