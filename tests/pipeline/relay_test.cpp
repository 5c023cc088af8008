#include "parrhesia/pipeline/relay.hpp"

#include "support/event_generator.hpp"
#include "support/manual_clock.hpp"
#include "support/manual_queue.hpp"
#include "support/memory_store.hpp"
#include "support/recording_client.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace parrhesia::pipeline {
namespace {

constexpr std::int64_t kNow = 1'750'000'000;

struct Peer {
    explicit Peer(Relay& relay, std::size_t shard = 0) : connection(relay.connect(shard, client)) {}
    void say(std::string_view text) { connection->on_text(text); }

    test::RecordingClient client;
    std::unique_ptr<Connection> connection;
};

event::EventPtr note(std::string_view content, std::int64_t created_at = kNow,
                     event::Kind kind = 1) {
    return test::make_event("alice", {created_at, kind, {}, std::string(content)});
}

std::string publish(const event::EventPtr& event) {
    return "[\"EVENT\"," + std::string(event->json()) + "]";
}

std::string ok(const event::EventPtr& event, bool accepted) {
    return "[\"OK\",\"" + to_hex(event->id()) + "\"," + (accepted ? "true" : "false");
}

class RelayTest : public testing::Test {
  protected:
    void SetUp() override {
        options.limits.subscriptions = 3;
        options.limits.events_in_flight = 2;
        options.limits.unsent_bytes = 64 * 1024;
        options.readers.threads = 1;
        options.readers.page_rows = 2;
        start();
    }
    void start() {
        relay = std::make_unique<Relay>(store, clock, metrics,
                                        std::vector<base::TaskQueue*>{&io, &other_io}, options);
    }
    void TearDown() override {
        store.hold_scans = false;
        store.hold_puts = false;
        if (relay) relay->stop();
        io.run_ready();
    }
    template <class Condition>
    void expect_soon(Condition condition) {
        EXPECT_TRUE(io.run_until(condition));
    }

    test::MemoryStore store;
    test::ManualClock clock{kNow};
    base::MetricsRegistry metrics;
    test::ManualQueue io;
    test::ManualQueue other_io;
    RelayOptions options;
    std::unique_ptr<Relay> relay;
};

TEST_F(RelayTest, OkComesAfterTheCommitAndNotBefore) {
    Peer alice(*relay);
    const auto event = note("hello");
    store.hold_puts = true;
    alice.say(publish(event));
    io.run_ready();
    EXPECT_TRUE(alice.client.messages.empty());
    store.hold_puts = false;
    expect_soon([&] { return !alice.client.messages.empty(); });
    EXPECT_EQ(alice.client.messages.front(), ok(event, true) + ",\"\"]");
    EXPECT_EQ(store.stats().events, 1U);
}

TEST_F(RelayTest, DuplicateIsAcceptedWithItsPrefixAndNotDeliveredAgain) {
    Peer alice(*relay);
    alice.say(R"(["REQ","s",{"limit":0}])");
    expect_soon([&] { return alice.client.has("EOSE"); });
    const auto event = note("twice");
    alice.say(publish(event));
    alice.say(publish(event));
    expect_soon([&] { return alice.client.count("[\"OK\"") == 2; });
    EXPECT_TRUE(alice.client.has(ok(event, true) + ",\"duplicate: "));
    io.run_ready();
    EXPECT_EQ(alice.client.count("[\"EVENT\",\"s\""), 1U);
}

TEST_F(RelayTest, OlderVersionOfAReplaceableIsRefused) {
    Peer alice(*relay);
    const auto newest = note("new", kNow, 0);
    const auto old = note("old", kNow - 1, 0);
    alice.say(publish(newest));
    alice.say(publish(old));
    expect_soon([&] { return alice.client.count("[\"OK\"") == 2; });
    EXPECT_TRUE(alice.client.has(ok(old, false) + ",\"duplicate: "));
}

TEST_F(RelayTest, WrongSignatureIsInvalidAndNeverStored) {
    Peer alice(*relay);
    const auto event = note("signed");
    std::string text = publish(event);
    const std::size_t last_digit = text.rfind("\"}") - 1;
    text[last_digit] = text[last_digit] == '0' ? '1' : '0';
    alice.say(text);
    EXPECT_TRUE(alice.client.has(ok(event, false) + ",\"invalid: "));
    EXPECT_EQ(store.stats().events, 0U);
}

TEST_F(RelayTest, TooFarInTheFutureIsInvalid) {
    Peer alice(*relay);
    const auto event = note("tomorrow", kNow + 901);
    alice.say(publish(event));
    EXPECT_TRUE(alice.client.has(ok(event, false) + ",\"invalid: "));
}

TEST_F(RelayTest, AuthenticationEventsAreNeverPublished) {
    Peer alice(*relay);
    const auto event = note("", kNow, 22242);
    alice.say(publish(event));
    EXPECT_TRUE(alice.client.has(ok(event, false) + ",\"blocked: "));
}

TEST_F(RelayTest, FailedCommitIsAnErrorAndReachesNobody) {
    Peer alice(*relay);
    alice.say(R"(["REQ","s",{"limit":0}])");
    expect_soon([&] { return alice.client.has("EOSE"); });
    store.fail_puts = true;
    const auto event = note("lost");
    alice.say(publish(event));
    expect_soon([&] { return alice.client.has(ok(event, false) + ",\"error: "); });
    EXPECT_FALSE(alice.client.has("[\"EVENT\""));
}

TEST_F(RelayTest, EphemeralReachesEveryThreadAndNoStore) {
    Peer alice(*relay);
    Peer bob(*relay, 1);
    alice.say(R"(["REQ","s",{"kinds":[20001]}])");
    bob.say(R"(["REQ","s",{"kinds":[20001]}])");
    expect_soon([&] { return alice.client.has("EOSE"); });
    EXPECT_TRUE(other_io.run_until([&] { return bob.client.has("EOSE"); }));
    const auto event = note("now or never", kNow, 20001);
    alice.say(publish(event));
    EXPECT_TRUE(alice.client.has(ok(event, true)));
    EXPECT_TRUE(alice.client.has("[\"EVENT\",\"s\","));
    EXPECT_TRUE(other_io.run_until([&] { return bob.client.has("[\"EVENT\",\"s\","); }));
    EXPECT_EQ(store.stats().last_seq, 0U);
}

TEST_F(RelayTest, StoredEventsComeNewestFirstThenEoseThenLiveOnes) {
    Peer alice(*relay);
    const auto first = note("first", kNow - 2);
    const auto second = note("second", kNow - 1);
    alice.say(publish(first));
    alice.say(publish(second));
    expect_soon([&] { return alice.client.count("[\"OK\"") == 2; });
    alice.client.messages.clear();

    alice.say(R"(["REQ","s",{"kinds":[1]}])");
    expect_soon([&] { return alice.client.has("EOSE"); });
    const auto third = note("third", kNow - 3);
    alice.say(publish(third));
    expect_soon([&] { return alice.client.count("[\"EVENT\"") == 3; });

    const auto event_message = [](const event::EventPtr& event) {
        return "[\"EVENT\",\"s\"," + std::string(event->json()) + "]";
    };
    ASSERT_GE(alice.client.messages.size(), 4U);
    EXPECT_EQ(alice.client.messages[0], event_message(second));
    EXPECT_EQ(alice.client.messages[1], event_message(first));
    EXPECT_EQ(alice.client.messages[2], "[\"EOSE\",\"s\",[\"finish\"]]");
    EXPECT_TRUE(alice.client.has(event_message(third)));
}

// The boundary in its narrowest form: committed after the REQ was read, before its snapshot is
// taken.
TEST_F(RelayTest, EventCommittedBetweenReqAndSnapshotComesOnce) {
    Peer alice(*relay);
    store.hold_scans = true;
    alice.say(R"(["REQ","s",{"kinds":[1]}])");
    const auto event = note("in between");
    alice.say(publish(event));
    expect_soon([&] { return alice.client.has("[\"OK\""); });
    EXPECT_EQ(alice.client.count("[\"EVENT\""), 0U);
    store.hold_scans = false;
    expect_soon([&] { return alice.client.has("EOSE"); });
    io.run_ready();
    EXPECT_EQ(alice.client.count("[\"EVENT\""), 1U);
}

// ... and committed after the snapshot, while the stored part is still on its way.
TEST_F(RelayTest, EventCommittedAfterTheSnapshotComesOnceAfterEose) {
    Peer alice(*relay);
    for (const char* content : {"a", "b", "c"}) {
        alice.say(publish(note(content)));
        expect_soon([&] { return alice.client.has("[\"OK\""); });
        alice.client.messages.clear();
    }
    alice.say(R"(["REQ","s",{"kinds":[1]}])");
    // The first page has two rows; hold the query there.
    alice.client.unsent = kStreamBytes + 1;
    expect_soon([&] { return alice.client.count("[\"EVENT\"") == 2; });
    EXPECT_FALSE(alice.client.has("EOSE"));
    alice.client.unsent = 0;
    const auto event = note("late");
    alice.say(publish(event));
    expect_soon([&] { return alice.client.has("[\"OK\""); });
    alice.connection->on_drained();
    expect_soon([&] { return alice.client.has("EOSE"); });
    io.run_ready();
    EXPECT_EQ(alice.client.count("[\"EVENT\""), 4U);
    EXPECT_EQ(alice.client.messages.back(), "[\"EVENT\",\"s\"," + std::string(event->json()) + "]");
}

TEST_F(RelayTest, LimitCutsStoredEventsButNotLiveOnes) {
    Peer alice(*relay);
    for (const char* content : {"a", "b"}) alice.say(publish(note(content)));
    expect_soon([&] { return alice.client.count("[\"OK\"") == 2; });
    alice.say(R"(["REQ","s",{"kinds":[1],"limit":1}])");
    expect_soon([&] { return alice.client.has("EOSE"); });
    EXPECT_EQ(alice.client.count("[\"EVENT\""), 1U);
    for (const char* content : {"c", "d"}) alice.say(publish(note(content)));
    expect_soon([&] { return alice.client.count("[\"EVENT\"") == 3; });
}

TEST_F(RelayTest, SameSubscriptionIdReplacesTheOldOne) {
    Peer alice(*relay);
    alice.say(R"(["REQ","s",{"kinds":[1]}])");
    alice.say(R"(["REQ","s",{"kinds":[7]}])");
    expect_soon([&] { return alice.client.has("EOSE"); });
    alice.say(publish(note("one")));
    alice.say(publish(note("seven", kNow, 7)));
    expect_soon(
        [&] { return alice.client.count("[\"OK\"") == 2 && alice.client.has("[\"EVENT\""); });
    io.run_ready();
    EXPECT_EQ(alice.client.count("[\"EVENT\""), 1U);
    EXPECT_TRUE(alice.client.has("\"kind\":7"));
    EXPECT_FALSE(alice.client.has("CLOSED"));
}

TEST_F(RelayTest, CloseEndsASubscriptionSilently) {
    Peer alice(*relay);
    alice.say(R"(["REQ","s",{}])");
    expect_soon([&] { return alice.client.has("EOSE"); });
    alice.say(R"(["CLOSE","s"])");
    alice.say(R"(["CLOSE","unknown"])");
    alice.say(publish(note("unheard")));
    expect_soon([&] { return alice.client.has("[\"OK\""); });
    io.run_ready();
    EXPECT_EQ(alice.client.messages.size(), 2U);
}

TEST_F(RelayTest, OneSubscriptionTooManyIsClosedAndTheOthersLive) {
    Peer alice(*relay);
    for (const char* id : {"1", "2", "3", "4"}) {
        alice.say("[\"REQ\",\"" + std::string(id) + "\",{}]");
    }
    expect_soon([&] { return alice.client.count("EOSE") == 3; });
    EXPECT_EQ(alice.client.count("[\"CLOSED\",\"4\",\""), 1U);
}

TEST_F(RelayTest, FailedQueryIsClosedWithAnError) {
    Peer alice(*relay);
    store.fail_scans = true;
    alice.say(R"(["REQ","s",{}])");
    expect_soon([&] { return alice.client.has("[\"CLOSED\",\"s\",\"error: "); });
    EXPECT_FALSE(alice.client.has("EOSE"));
    store.fail_scans = false;
    alice.say(R"(["REQ","s",{}])");
    expect_soon([&] { return alice.client.has("EOSE"); });
}

TEST_F(RelayTest, ManySubscriptionsAtOnceAreAllAnswered) {
    options.limits.subscriptions = 50;
    relay.reset();
    start();
    Peer alice(*relay);
    for (int i = 0; i < 50; ++i) alice.say("[\"REQ\",\"s" + std::to_string(i) + "\",{}]");
    alice.say(R"(["CLOSE","s40"])");  // one that still waits for its turn
    expect_soon([&] { return alice.client.count("EOSE") == 49; });
}

TEST_F(RelayTest, EventsInFlightAreBoundedByCredit) {
    Peer alice(*relay);
    store.hold_puts = true;
    alice.say(publish(note("a")));
    EXPECT_TRUE(alice.connection->wants_input());
    alice.say(publish(note("b")));
    EXPECT_FALSE(alice.connection->wants_input());
    store.hold_puts = false;
    expect_soon([&] { return alice.client.count("[\"OK\"") == 2; });
    EXPECT_TRUE(alice.connection->wants_input());
    EXPECT_EQ(alice.client.resumed, 1U);
}

TEST_F(RelayTest, SlowReaderIsToldClosedThenDisconnected) {
    Peer alice(*relay);
    Peer bob(*relay);
    alice.say(R"(["REQ","s",{"kinds":[1]}])");
    bob.say(R"(["REQ","t",{"kinds":[1]}])");
    expect_soon([&] { return alice.client.has("EOSE") && bob.client.has("EOSE"); });
    alice.client.unsent = options.limits.unsent_bytes;
    bob.say(publish(note("one too many")));
    expect_soon([&] { return alice.client.closed.has_value(); });
    EXPECT_EQ(alice.client.closed, CloseCode::policy_violation);
    EXPECT_TRUE(alice.client.has("[\"CLOSED\",\"s\",\"error: "));
    EXPECT_FALSE(alice.client.has("[\"EVENT\""));
    EXPECT_TRUE(bob.client.has("[\"EVENT\",\"t\""));
    EXPECT_FALSE(bob.client.closed);
}

TEST_F(RelayTest, LiveEventsThatWaitForEoseAreBounded) {
    Peer alice(*relay);
    Peer bob(*relay);
    store.hold_scans = true;
    alice.say(R"(["REQ","s",{"kinds":[1]}])");
    for (int i = 0; i < 40 && !alice.client.closed; ++i) {
        bob.say(publish(note(std::string(4000, 'x') + std::to_string(i))));
        expect_soon([&] { return bob.client.count("[\"OK\"") == static_cast<std::size_t>(i) + 1; });
        io.run_ready();
    }
    EXPECT_EQ(alice.client.closed, CloseCode::policy_violation);
}

TEST_F(RelayTest, AClientThatLeavesTakesItsSubscriptionsAlong) {
    auto alice = std::make_unique<Peer>(*relay);
    alice->say(R"(["REQ","s",{}])");
    expect_soon([&] { return alice->client.has("EOSE"); });
    store.hold_puts = true;
    alice->say(publish(note("still in flight")));
    alice.reset();
    store.hold_puts = false;
    Peer bob(*relay);  // takes the slot; alice's OK must not reach it
    bob.say(R"(["REQ","s",{"kinds":[9]}])");
    expect_soon([&] { return bob.client.has("EOSE") && store.stats().events == 1; });
    io.run_ready();
    EXPECT_FALSE(bob.client.has("[\"OK\""));
}

TEST_F(RelayTest, StoppingCommitsWhatWasTakenAndRefusesTheRest) {
    Peer alice(*relay);
    const auto taken = note("taken");
    alice.say(publish(taken));
    relay->stop();
    const auto late = note("late");
    alice.say(publish(late));
    alice.say(R"(["REQ","s",{}])");
    expect_soon([&] { return alice.client.has(ok(taken, true)); });
    EXPECT_TRUE(alice.client.has(ok(late, false) + ",\"error: "));
    EXPECT_TRUE(alice.client.has("[\"CLOSED\",\"s\",\"error: "));
    EXPECT_EQ(store.stats().events, 1U);
}

TEST_F(RelayTest, WhatIsNotUnderstoodIsAnsweredWhereItCanBe) {
    Peer alice(*relay);
    alice.say("not json");
    alice.say("{}");
    alice.say(R"(["HELLO"])");
    EXPECT_EQ(alice.client.count("[\"NOTICE\",\""), 3U);
    alice.say(R"(["REQ","s",{"ids":["abc"]}])");
    EXPECT_TRUE(alice.client.has("[\"CLOSED\",\"s\",\"invalid: "));
    alice.say(R"(["REQ","s",{"unknown":1}])");
    EXPECT_TRUE(alice.client.has("[\"CLOSED\",\"s\",\"unsupported: "));
    alice.connection->on_binary();
    EXPECT_EQ(alice.client.count("[\"NOTICE\",\""), 4U);
}

TEST_F(RelayTest, MetricsCountWhatHappened) {
    Peer alice(*relay);
    const auto event = note("counted");
    alice.say(publish(event));
    expect_soon([&] { return alice.client.has("[\"OK\""); });
    alice.say("nonsense");
    const std::string text = metrics.render();
    EXPECT_NE(text.find("parrhesia_events_total{class=\"generic\",outcome=\"stored\"} 1"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("parrhesia_refusals_total{reason=\"malformed_json\"} 1"),
              std::string::npos);
    EXPECT_NE(text.find("parrhesia_ok_seconds_count{class=\"generic\"} 1"), std::string::npos);
}

}  // namespace
}  // namespace parrhesia::pipeline
