#include "pipeline/live_queue.hpp"

#include "parrhesia/pipeline/relay.hpp"

#include "pipeline/shard.hpp"
#include "support/event_generator.hpp"
#include "support/manual_clock.hpp"
#include "support/manual_queue.hpp"
#include "support/memory_store.hpp"
#include "support/recording_client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace parrhesia::pipeline {
namespace {

constexpr std::int64_t kNow = 1'750'000'000;
constexpr event::Kind kEphemeral = 20'001;

event::EventPtr make(int number, event::Kind kind) {
    return test::make_event("alice", {kNow, kind, {}, "number " + std::to_string(number)});
}

// Counts the tasks that wait, and runs them one by one.
class CountingQueue final : public base::TaskQueue {
  public:
    void post(Task task) override { tasks_.push_back(std::move(task)); }
    [[nodiscard]] std::size_t size() const noexcept { return tasks_.size(); }
    void run_one() {
        const Task task = std::move(tasks_.front());
        tasks_.erase(tasks_.begin());
        task();
    }
    void run_all() {
        while (!tasks_.empty()) run_one();
    }

  private:
    std::vector<Task> tasks_;
};

struct Subscriber final : fanout::Subscriber {
    void on_event(const fanout::Published& published) override {
        got.push_back(published.event->id());
    }
    std::vector<event::Id> got;
};

class LiveQueueTest : public testing::Test {
  protected:
    void SetUp() override { subscribe(1); }
    void TearDown() override {
        for (const auto& subscriber : subscribers) index.remove(*subscriber);
    }
    void subscribe(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            subscribers.push_back(std::make_unique<Subscriber>());
            index.add(*subscribers.back(), everything);
        }
    }
    std::vector<event::Id> add_stored(int count) {
        std::vector<event::Id> ids;
        for (int i = 0; i < count; ++i) {
            const auto event = make(i, 1);
            live.add_stored({event, base::Position{static_cast<std::uint64_t>(i) + 1}, {}},
                            std::make_shared<int>());
            ids.push_back(event->id());
        }
        return ids;
    }
    [[nodiscard]] std::size_t delivered() const {
        std::size_t sum = 0;
        for (const auto& subscriber : subscribers) sum += subscriber->got.size();
        return sum;
    }

    const std::shared_ptr<const std::vector<event::Filter>> everything =
        std::make_shared<const std::vector<event::Filter>>(1);
    test::MemoryStore store;
    test::ManualClock clock{kNow};
    base::MetricsRegistry metrics;
    Core core{store, clock, metrics, RelayOptions{}};
    fanout::SubscriptionIndex index;
    CountingQueue io;
    std::vector<std::unique_ptr<Subscriber>> subscribers;
    std::size_t rooms = 0;
    LiveQueue live{core, index, io, [this] { ++rooms; }};
};

TEST_F(LiveQueueTest, LittleWorkIsDoneAtOnce) {
    const auto ids = add_stored(3);
    live.start();
    EXPECT_EQ(subscribers[0]->got, ids);
    EXPECT_EQ(io.size(), 0U);
}

TEST_F(LiveQueueTest, LargeCommitIsDeliveredInPiecesAndInOrder) {
    subscribe(99);
    const auto ids = add_stored(50);
    live.start();
    EXPECT_LE(delivered(), LiveQueue::kPieceWork);
    std::size_t pieces = 1;
    while (io.size() != 0) {
        ASSERT_EQ(io.size(), 1U);
        const auto before = delivered();
        io.run_one();
        EXPECT_LE(delivered() - before, LiveQueue::kPieceWork);
        ++pieces;
    }
    EXPECT_GE(pieces, 100 * 50 / LiveQueue::kPieceWork);
    for (const auto& subscriber : subscribers) EXPECT_EQ(subscriber->got, ids);
}

TEST_F(LiveQueueTest, EventOfACrowdIsDeliveredInPieces) {
    subscribe(3 * LiveQueue::kPieceWork);
    const auto ids = add_stored(1);
    live.start();
    EXPECT_LE(delivered(), LiveQueue::kPieceWork);
    io.run_all();
    for (const auto& subscriber : subscribers) ASSERT_EQ(subscriber->got, ids);
}

TEST_F(LiveQueueTest, WhatComesMeanwhileStandsBehind) {
    subscribe(2 * LiveQueue::kPieceWork);
    auto expected = add_stored(2);
    live.start();
    const auto late = make(100, kEphemeral);
    EXPECT_TRUE(live.add_ephemeral({late, {}, {}}));
    live.start();
    const auto posted = make(101, kEphemeral);
    EXPECT_TRUE(live.post_ephemeral({posted, {}, {}}));
    io.run_all();
    expected.push_back(late->id());
    expected.push_back(posted->id());
    for (const auto& subscriber : subscribers) ASSERT_EQ(subscriber->got, expected);
}

TEST_F(LiveQueueTest, SubscriberRemovedBetweenPiecesIsNotCalled) {
    subscribe(2 * LiveQueue::kPieceWork);
    static_cast<void>(add_stored(1));
    live.start();
    auto& last = *subscribers.back();
    ASSERT_TRUE(last.got.empty());
    index.remove(last);
    subscribe(1);  // too late for this event: it is in the stored part
    io.run_all();
    EXPECT_TRUE(last.got.empty());
    EXPECT_TRUE(subscribers.back()->got.empty());
    EXPECT_EQ(delivered(), subscribers.size() - 2);
}

TEST_F(LiveQueueTest, LeaseEndsWithTheLastDelivery) {
    subscribe(2 * LiveQueue::kPieceWork);
    auto lease = std::make_shared<int>();
    const std::weak_ptr<int> watched = lease;
    live.add_stored({make(0, 1), base::Position{1}, {}}, std::move(lease));
    live.start();
    EXPECT_FALSE(watched.expired());
    io.run_all();
    EXPECT_TRUE(watched.expired());
}

TEST_F(LiveQueueTest, EventsPostedWhileTheThreadIsBusyAreOneTask) {
    std::vector<event::Id> ids;
    for (int i = 0; i < 10; ++i) {
        const auto event = make(i, kEphemeral);
        ASSERT_TRUE(live.post_ephemeral({event, {}, {}}));
        ids.push_back(event->id());
    }
    EXPECT_EQ(io.size(), 1U);
    io.run_all();
    EXPECT_EQ(subscribers[0]->got, ids);
}

TEST_F(LiveQueueTest, EphemeralEventsAboveTheBoundAreDropped) {
    const auto large = [] {
        static int number = 0;
        return test::make_event("alice",
                                {kNow + ++number, kEphemeral, {}, std::string(1u << 20, 'x')});
    };
    std::size_t taken = 0;
    while (live.post_ephemeral({large(), {}, {}})) ASSERT_LE(++taken, 17U);
    EXPECT_GE(taken, 15U);
    io.run_all();
    EXPECT_EQ(delivered(), taken);
    EXPECT_TRUE(live.post_ephemeral({large(), {}, {}})) << "room again once it is delivered";
    io.run_all();
}

TEST_F(LiveQueueTest, ACopyOfAnEphemeralEventIsNeitherDeliveredNorKept) {
    const auto event =
        test::make_event("alice", {kNow, kEphemeral, {}, std::string(1u << 20, 'x')});
    std::size_t heard = 0;
    for (int i = 0; i < 100; ++i) {
        const auto tally = std::make_shared<Tally>(1, [&heard](bool any) { heard += any ? 1 : 0; });
        ASSERT_TRUE(i % 2 == 0 ? live.post_ephemeral({event, {}, {}}, tally)
                               : live.add_ephemeral({event, {}, {}}, tally));
        live.start();
        io.run_all();
    }
    EXPECT_EQ(delivered(), 1U);
    EXPECT_EQ(heard, 100U) << "that nobody hears it is not said of a copy";
}

TEST_F(LiveQueueTest, SaysWhenItIsCrowdedAndWhenItHasRoomAgain) {
    for (std::size_t i = 0; i <= LiveQueue::kManyEphemeral; ++i) {
        EXPECT_FALSE(live.is_crowded());
        ASSERT_TRUE(live.add_ephemeral({make(static_cast<int>(i), kEphemeral), {}, {}}));
    }
    EXPECT_TRUE(live.is_crowded());
    EXPECT_EQ(rooms, 0U);
    live.start();
    io.run_all();
    EXPECT_FALSE(live.is_crowded());
    EXPECT_EQ(rooms, 1U);
}

TEST_F(LiveQueueTest, AtShutdownEverythingIsDeliveredAtOnce) {
    subscribe(2 * LiveQueue::kPieceWork);
    const auto ids = add_stored(2);
    core.refusing = true;
    live.start();
    for (const auto& subscriber : subscribers) ASSERT_EQ(subscriber->got, ids);
    EXPECT_EQ(io.size(), 0U);
}

// A sender of ephemeral events is not read while more wait than its thread delivers.
TEST(CrowdedShard, PausesTheSenderAndResumesIt) {
    test::MemoryStore store;
    test::ManualClock clock{kNow};
    base::MetricsRegistry metrics;
    test::ManualQueue io;
    Relay relay(store, clock, metrics, {&io}, {});
    test::RecordingClient reader;
    std::vector<std::unique_ptr<Connection>> readers;
    for (std::size_t i = 0; i < 2 * LiveQueue::kPieceWork; ++i) {
        readers.push_back(relay.connect(0, reader));
        readers.back()->on_text(R"(["REQ","s",{"kinds":[20001],"limit":0}])");
    }
    ASSERT_TRUE(io.run_until([&] { return reader.count("EOSE") == readers.size(); }));
    reader.messages.clear();

    test::RecordingClient client;
    const auto sender = relay.connect(0, client);
    std::size_t sent = 0;
    while (sender->wants_input()) {
        ASSERT_LE(++sent, LiveQueue::kManyEphemeral + 2);
        const auto event = make(static_cast<int>(sent), kEphemeral);
        sender->on_text("[\"EVENT\"," + std::string(event->json()) + "]");
    }
    EXPECT_GT(sent, LiveQueue::kManyEphemeral);
    EXPECT_EQ(client.resumed, 0U);
    ASSERT_TRUE(io.run_until([&] { return client.resumed == 1; }));
    EXPECT_TRUE(sender->wants_input());
    io.run_ready();
    EXPECT_EQ(client.count(",true,"), sent);
    EXPECT_EQ(reader.messages.size(), sent * readers.size());
    relay.stop();
}

}  // namespace
}  // namespace parrhesia::pipeline
