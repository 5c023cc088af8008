// kill -9 of all of PostgreSQL: what was acknowledged is there, and what comes after is not taken
// for something of before.
#include "postgres/fault_testing.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

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

}  // namespace
}  // namespace parrhesia::test
