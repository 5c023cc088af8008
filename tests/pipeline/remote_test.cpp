// The two ends of the relay that lead to the other relays of its cluster.
#include "parrhesia/event/kind.hpp"
#include "parrhesia/pipeline/relay.hpp"
#include "parrhesia/policy/disk_reserve.hpp"

#include "support/event_generator.hpp"
#include "support/manual_clock.hpp"
#include "support/manual_queue.hpp"
#include "support/memory_store.hpp"
#include "support/recording_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::pipeline {
namespace {

constexpr std::int64_t kNow = 1'750'000'000;
constexpr event::Kind kEphemeral = 20'001;

using Tags = std::vector<std::vector<std::string>>;

event::EventPtr note(std::string_view content, event::Kind kind = 1, const Tags& tags = {}) {
    return test::make_event("alice", {kNow, kind, tags, std::string(content)});
}

std::string hex(const event::EventPtr& event) { return to_hex(event->id()); }

std::string publication(const event::EventPtr& event) {
    return "[\"EVENT\"," + std::string(event->json()) + "]";
}

fanout::Published remote(const event::EventPtr& event, std::uint64_t position) {
    return {event, base::Position{position}, {}, event::traffic_class_of(event->kind())};
}

struct Outgoing final : Outlet {
    void publish(std::span<const fanout::Published> events) override {
        const std::scoped_lock lock(mutex);
        for (const auto& event : events) published.push_back(event);
    }
    [[nodiscard]] std::vector<std::string> ids() {
        const std::scoped_lock lock(mutex);
        std::vector<std::string> result;
        for (const auto& one : published) result.push_back(hex(one.event));
        return result;
    }
    std::mutex mutex;
    std::vector<fanout::Published> published;  // guarded by mutex
};

// A relay of two io threads, with a subscriber on each.
class RemoteTest : public testing::TestWithParam<Sharing> {
  protected:
    void SetUp() override {
        options.outlet = &outlet;
        options.sharing = GetParam();
        options.disk = &disk;
        options.readers.threads = 1;
        relay = std::make_unique<Relay>(store, clock, metrics,
                                        std::vector<base::TaskQueue*>{&io, &other_io}, options);
        for (std::size_t shard = 0; shard < 2; ++shard) {
            connections[shard] = relay->connect(shard, clients[shard]);
            connections[shard]->on_text(R"(["REQ","s",{"limit":0}])");
            ASSERT_TRUE(queue(shard).run_until([&] { return clients[shard].count("EOSE") == 1; }));
            clients[shard].messages.clear();
        }
    }
    void TearDown() override {
        store.hold_puts = false;
        if (relay) relay->stop();
        io.run_ready();
        other_io.run_ready();
        for (auto& connection : connections) connection.reset();
    }
    [[nodiscard]] test::ManualQueue& queue(std::size_t shard) { return shard == 0 ? io : other_io; }

    // True once both subscribers have had the event of that id.
    [[nodiscard]] bool reaches_all(const event::EventPtr& event) {
        for (std::size_t shard = 0; shard < 2; ++shard) {
            const auto here = [&] { return clients[shard].has(hex(event)); };
            if (!queue(shard).run_until(here)) return false;
        }
        return true;
    }
    void take(std::vector<fanout::Published> events) {
        relay->take_remote(std::move(events), [this] { ++done; });
    }
    void run_all() {
        io.run_ready();
        other_io.run_ready();
    }
    [[nodiscard]] bool is_shared() const { return GetParam() == Sharing::one_database; }

    test::MemoryStore store;
    test::ManualClock clock{kNow};
    base::MetricsRegistry metrics;
    policy::DiskReserve disk{1'000'000};
    test::ManualQueue io;
    test::ManualQueue other_io;
    Outgoing outlet;
    RelayOptions options;
    std::array<test::RecordingClient, 2> clients;
    std::array<std::unique_ptr<Connection>, 2> connections;
    std::atomic<int> done{0};
    std::unique_ptr<Relay> relay;
};

INSTANTIATE_TEST_SUITE_P(Sharing, RemoteTest,
                         testing::Values(Sharing::one_database, Sharing::own_stores),
                         [](const auto& each) {
                             return each.param == Sharing::one_database ? "OneDatabase"
                                                                        : "OwnStores";
                         });

TEST_P(RemoteTest, OwnEventsGoOutAfterTheirCommitWithTheirPosition) {
    const auto first = note("first");
    const auto second = note("second");
    store.hold_puts = true;
    connections[0]->on_text(publication(first));
    run_all();
    EXPECT_TRUE(outlet.ids().empty()) << "not before the commit";
    store.hold_puts = false;
    ASSERT_TRUE(reaches_all(first));
    connections[1]->on_text(publication(second));
    ASSERT_TRUE(reaches_all(second));
    relay->stop();
    EXPECT_THAT(outlet.ids(), testing::ElementsAre(hex(first), hex(second)));
    EXPECT_EQ(outlet.published[0].position, base::Position{1});
    EXPECT_EQ(outlet.published[1].position, base::Position{2});
    EXPECT_EQ(outlet.published[0].traffic_class, event::TrafficClass::generic);
}

TEST_P(RemoteTest, WhatIsNotStoredDoesNotGoOut) {
    const auto event = note("once");
    connections[0]->on_text(publication(event));
    ASSERT_TRUE(reaches_all(event));
    connections[0]->on_text(publication(event));
    ASSERT_TRUE(io.run_until([&] { return clients[0].has("duplicate"); }));
    store.fail_puts = true;
    connections[0]->on_text(publication(note("lost")));
    ASSERT_TRUE(io.run_until([&] { return clients[0].has(",false,"); }));
    relay->stop();
    EXPECT_THAT(outlet.ids(), testing::ElementsAre(hex(event)));
}

TEST_P(RemoteTest, OwnEphemeralEventsGoOutAtOnce) {
    const auto event = note("now", kEphemeral);
    connections[1]->on_text(publication(event));
    EXPECT_THAT(outlet.ids(), testing::ElementsAre(hex(event)));
    EXPECT_EQ(outlet.published[0].position, base::Position{});
    EXPECT_TRUE(reaches_all(event));
}

TEST_P(RemoteTest, RemoteEventsReachTheSubscribersOfEveryThreadAndNotTheOutlet) {
    const auto stored = note("stored");
    const auto ephemeral = note("ephemeral", kEphemeral);
    take({remote(stored, 7), remote(ephemeral, 0)});
    EXPECT_TRUE(reaches_all(stored));
    EXPECT_TRUE(reaches_all(ephemeral));
    relay->stop();
    EXPECT_TRUE(outlet.ids().empty()) << "one hop, no further";
    EXPECT_EQ(store.stats().events, is_shared() ? 0U : 1U);
}

TEST_P(RemoteTest, CopiesAreDeliveredOnce) {
    const auto stored = note("stored");
    const auto ephemeral = note("ephemeral", kEphemeral);
    const auto own = note("own", kEphemeral);
    const auto fence = note("fence", kEphemeral);
    take({remote(stored, 7), remote(ephemeral, 0), remote(stored, 7)});
    ASSERT_TRUE(reaches_all(stored));
    take({remote(ephemeral, 0), remote(stored, 7)});
    connections[0]->on_text(publication(own));
    take({remote(own, 0)});
    connections[1]->on_text(publication(ephemeral));
    if (!is_shared()) relay->stop();  // the copies have been through the store
    take({remote(fence, 0)});
    ASSERT_TRUE(reaches_all(fence));
    for (const auto& client : clients) {
        for (const auto& event : {stored, ephemeral, own}) {
            EXPECT_EQ(client.count("[\"EVENT\",\"s\",{\"id\":\"" + hex(event)), 1U);
        }
    }
}

TEST_P(RemoteTest, AnEphemeralEventSentTwiceIsAcceptedTwiceAndDeliveredOnce) {
    const auto event = note("twice", kEphemeral);
    const auto fence = note("fence", kEphemeral);
    for (const auto& one : {event, event, fence}) connections[0]->on_text(publication(one));
    ASSERT_TRUE(reaches_all(fence));
    EXPECT_EQ(clients[0].count("[\"OK\",\"" + hex(event) + "\",true"), 2U);
    for (const auto& client : clients)
        EXPECT_EQ(client.count("[\"EVENT\",\"s\",{\"id\":\"" + hex(event)), 1U);
}

TEST_P(RemoteTest, DoneComesWhenTheSlowestThreadIsThrough) {
    const auto event = note("slow");
    take({remote(event, 7)});
    ASSERT_TRUE(io.run_until([&] { return clients[0].has(hex(event)); }));
    EXPECT_EQ(done, 0) << "the other thread has not had it";
    ASSERT_TRUE(other_io.run_until([&] { return clients[1].has(hex(event)); }));
    run_all();
    relay->stop();
    EXPECT_EQ(done, 1);
}

TEST_P(RemoteTest, DoneComesForWhatIsEmptyOrTooLate) {
    take({});
    EXPECT_EQ(done, 1);
    relay->stop();
    take({remote(note("too late"), 7)});
    run_all();
    EXPECT_EQ(done, 2);
}

TEST_P(RemoteTest, ReadProtectionHoldsForRemoteEvents) {
    // NIP-59: a gift wrap is for whom it names.
    const auto wrap = note("wrapped", 1059, {{"p", std::string(64, 'a')}});
    const auto fence = note("fence");
    take({remote(wrap, 7), remote(fence, 8)});
    ASSERT_TRUE(reaches_all(fence));
    for (const auto& client : clients) EXPECT_FALSE(client.has(hex(wrap)));
}

using OneDatabaseTest = RemoteTest;
INSTANTIATE_TEST_SUITE_P(Database, OneDatabaseTest, testing::Values(Sharing::one_database));

TEST_P(OneDatabaseTest, WhatTheStoredPartHasIsNotDeliveredAgain) {
    const auto event = note("in the database already");
    static_cast<void>(store.put(std::vector{event}));  // by another relay
    test::RecordingClient late;
    const auto connection = relay->connect(0, late);
    connection->on_text(R"(["REQ","s",{"kinds":[1]}])");
    ASSERT_TRUE(io.run_until([&] { return late.has("EOSE"); }));
    const auto fence = note("fence");
    take({remote(event, 1), remote(fence, 2)});
    ASSERT_TRUE(io.run_until([&] { return late.has(hex(fence)); }));
    EXPECT_EQ(late.count(hex(event)), 1U);
}

using OwnStoresTest = RemoteTest;
INSTANTIATE_TEST_SUITE_P(Stores, OwnStoresTest, testing::Values(Sharing::own_stores));

TEST_P(OwnStoresTest, ADiskWithoutRoomTakesNothingAndCountsIt) {
    disk.set_free_bytes(10);
    const auto event = note("no room");
    take({remote(event, 7)});
    run_all();
    EXPECT_EQ(done, 1);
    relay->stop();
    EXPECT_EQ(store.stats().events, 0U);
    EXPECT_THAT(metrics.render(),
                testing::HasSubstr("parrhesia_remote_dropped_total{reason=\"disk\"} 1"));
}

TEST_P(OwnStoresTest, WhatHasExpiredOnItsWayIsNotStored) {
    take({remote(note("late", 1, {{"expiration", std::to_string(kNow - 1)}}), 7)});
    relay->stop();
    run_all();
    EXPECT_EQ(done, 1);
    EXPECT_EQ(store.stats().events, 0U);
    EXPECT_THAT(metrics.render(),
                testing::HasSubstr("parrhesia_remote_dropped_total{reason=\"expired\"} 1"));
}

}  // namespace
}  // namespace parrhesia::pipeline
