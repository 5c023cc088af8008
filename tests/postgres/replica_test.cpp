// Reads go to a standby that has all that this relay has committed, and to the primary otherwise.
#include "postgres/postgres_testing.hpp"

#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

using namespace std::chrono_literals;

class PostgresReplicaTest : public testing::Test {
  protected:
    PostgresReplicaTest() {
        (void)store::migrate_postgres(options_for(connection));
        standby = server.make_standby();
        replica = standby->connection_string(connection.substr(connection.rfind('=') + 1));
    }
    std::unique_ptr<EventStore> open(std::chrono::milliseconds max_lag = 60s) {
        store::PostgresOptions options = options_for(connection);
        options.replicas = {replica};
        options.max_replica_lag = max_lag;
        return store::open_postgres_store(options);
    }
    // Whether the standby answers queries of this store: its sessions count them, and say so about
    // once a second.
    bool is_asked(EventStore& store) {
        const std::string database = connection.substr(connection.rfind('=') + 1);
        return eventually([&] {
            (void)query(store, Filter());
            const std::string scans = standby->sql(database,
                                                   "SELECT idx_scan FROM pg_stat_all_indexes"
                                                   " WHERE indexrelname = 'event_created_at'");
            return !scans.empty() && scans != "0";
        });
    }
    void stop_replay() const { (void)standby->sql("postgres", "SELECT pg_wal_replay_pause()"); }
    void resume_replay() const { (void)standby->sql("postgres", "SELECT pg_wal_replay_resume()"); }

    PostgresServer server;
    const std::string connection = server.make_database();
    std::unique_ptr<PostgresServer> standby;
    std::string replica;
};

TEST_F(PostgresReplicaTest, AClientReadsItsOwnWrites) {
    const auto store = open();
    std::vector<EventPtr> written;
    for (int i = 0; i < 300; ++i) {
        written.insert(written.begin(), note(i));
        ASSERT_EQ(put(*store, written.front()).status, PutStatus::stored);
        ASSERT_EQ(query(*store, Filter()), json_of(written)) << i;
        if (i == 100) stop_replay();
        if (i == 200) resume_replay();
    }
    EXPECT_TRUE(is_asked(*store));
}

TEST_F(PostgresReplicaTest, WhatTheStandbyDoesNotHaveYetComesFromThePrimary) {
    const auto store = open();
    ASSERT_EQ(put(*store, note(1)).status, PutStatus::stored);
    EXPECT_TRUE(eventually([&] { return query(*store, Filter()).size() == 1; }));
    stop_replay();
    ASSERT_EQ(put(*store, note(2)).status, PutStatus::stored);

    EXPECT_EQ(query(*store, Filter()).size(), 2U);
    resume_replay();
}

// The mark of each scan says exactly what the scan has seen, wherever it has read.
TEST_F(PostgresReplicaTest, MarksCoverWhatWasReadAndNothingElse) {
    const auto store = open();
    std::atomic<bool> writing{true};
    struct Commit {
        EventPtr event;
        base::Position position;
    };
    std::vector<Commit> commits;  // of one thread, read once it has ended
    std::thread writer([&] {
        for (int i = 0; i < 400; ++i) {
            const EventPtr event = note(i);
            commits.push_back({event, put(*store, event).position});
        }
        writing = false;
    });
    // Another relay's transactions are open all the time, so that snapshots have holes.
    std::thread other([&] {
        while (writing) {
            (void)run_sql(connection,
                          "BEGIN; SELECT pg_current_xact_id(); SELECT pg_sleep(0.01);"
                          " COMMIT");
        }
    });
    struct Seen {
        std::set<std::string> events;
        base::Mark mark;
    };
    std::vector<Seen> seen;
    while (writing) {
        const auto scan = store->scan({Filter()});
        const auto found = read_all(*scan, {}, [] {});
        seen.push_back({{found.begin(), found.end()}, scan->mark()});
    }
    writer.join();
    other.join();
    for (const Seen& one : seen) {
        for (const Commit& commit : commits) {
            EXPECT_EQ(one.mark.covers(commit.position),
                      one.events.contains(std::string(commit.event->json())));
        }
    }
    EXPECT_TRUE(is_asked(*store));
}

TEST_F(PostgresReplicaTest, AStandbyThatIsAwayOrFarBehindIsLeftOut) {
    const auto store = open(200ms);
    ASSERT_EQ(put(*store, note(1)).status, PutStatus::stored);
    // Written by somebody else, so that only the lag tells that the standby is behind.
    const auto other = store::open_postgres_store(options_for(connection));
    stop_replay();
    const EventPtr event = note(2);
    ASSERT_EQ(put(*other, event).status, PutStatus::stored);

    EXPECT_TRUE(eventually([&] { return query(*store, Filter()).size() == 2; }));
    resume_replay();
    standby->kill();

    EXPECT_EQ(query(*store, Filter()).size(), 2U);
    standby->start();
    ASSERT_EQ(put(*store, note(3)).status, PutStatus::stored);
    EXPECT_EQ(query(*store, Filter()).size(), 3U);
}

TEST_F(PostgresReplicaTest, AStandbyThatHangsHoldsNobodyForLong) {
    const auto store = open();
    ASSERT_EQ(put(*store, note(1)).status, PutStatus::stored);
    ASSERT_TRUE(is_asked(*store));

    standby->pause();
    for (int i = 2; i < 12; ++i) {
        ASSERT_EQ(put(*store, note(i)).status, PutStatus::stored);
        EXPECT_EQ(query(*store, Filter()).size(), static_cast<std::size_t>(i));
    }
    standby->resume();
}

TEST_F(PostgresReplicaTest, APrimaryNamedAsAReplicaIsNotUsedAsOne) {
    replica = connection;
    const auto store = open();
    ASSERT_EQ(put(*store, note(1)).status, PutStatus::stored);
    EXPECT_EQ(query(*store, Filter()).size(), 1U);
}

}  // namespace
}  // namespace parrhesia::test
