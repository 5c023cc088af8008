// What a client gets depends on whom it has proved to be: AUTH, and every path that reads.
#include "parrhesia/event/hyperloglog.hpp"
#include "parrhesia/pipeline/relay.hpp"

#include "support/event_generator.hpp"
#include "support/manual_clock.hpp"
#include "support/manual_queue.hpp"
#include "support/memory_store.hpp"
#include "support/recording_client.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace parrhesia::pipeline {
namespace {

constexpr std::int64_t kNow = 1'750'000'000;

std::string key_of(std::string_view seed) {
    return to_hex(event::Keypair::from_seed(seed).pubkey());
}

event::EventPtr to_bob(event::Kind kind, std::string_view content = "") {
    return test::make_event("alice", {kNow, kind, {{"p", key_of("bob")}}, std::string(content)});
}

std::string publish(const event::EventPtr& event) {
    return "[\"EVENT\"," + std::string(event->json()) + "]";
}

class Visitor {
  public:
    explicit Visitor(Relay& relay, std::size_t shard = 0)
        : connection_(relay.connect(shard, client)) {}
    void say(std::string_view text) { connection_->on_text(text); }
    // The challenge that it has been sent; empty: none.
    [[nodiscard]] std::string challenge() const {
        for (const std::string& message : client.messages) {
            if (message.starts_with("[\"AUTH\",\"")) return message.substr(9, 32);
        }
        return {};
    }
    void authenticate(std::string_view seed) {
        const auto event = test::make_event(
            seed,
            {kNow, 22242, {{"relay", "wss://relay.example"}, {"challenge", challenge()}}, ""});
        say("[\"AUTH\"," + std::string(event->json()) + "]");
        ASSERT_TRUE(client.has("[\"OK\",\"" + to_hex(event->id()) + "\",true,\"\"]"));
    }
    // Gets a challenge and answers it.
    void be(std::string_view seed) {
        if (challenge().empty()) say(R"(["REQ","dm",{"kinds":[4]}])");
        authenticate(seed);
    }

    test::RecordingClient client;

  private:
    std::unique_ptr<Connection> connection_;
};

class PipelineViewerTest : public testing::Test {
  protected:
    void SetUp() override {
        options.relay_urls = {"wss://relay.example"};
        options.max_pubkeys = 2;
        start();
    }
    void start() {
        relay = std::make_unique<Relay>(store, clock, metrics,
                                        std::vector<base::TaskQueue*>{&io, &other_io}, options);
    }
    void TearDown() override {
        if (relay) relay->stop();
        io.run_ready();
    }
    template <class Condition>
    void expect_soon(Condition condition) {
        EXPECT_TRUE(io.run_until(condition));
    }
    void store_all(const std::vector<event::EventPtr>& events) { (void)store.put(events); }

    test::MemoryStore store;
    test::ManualClock clock{kNow};
    base::MetricsRegistry metrics;
    test::ManualQueue io;
    test::ManualQueue other_io;
    RelayOptions options;
    std::unique_ptr<Relay> relay;
};

TEST_F(PipelineViewerTest, TheChallengeComesBeforeTheFirstRefusalAndOnlyOnce) {
    Visitor visitor(*relay);
    EXPECT_TRUE(visitor.client.messages.empty());
    visitor.say(R"(["REQ","a",{"kinds":[1059]}])");
    visitor.say(R"(["COUNT","b",{"kinds":[4]}])");
    ASSERT_EQ(visitor.client.messages.size(), 3U);
    EXPECT_TRUE(visitor.client.messages[0].starts_with("[\"AUTH\",\""));
    EXPECT_TRUE(visitor.client.messages[1].starts_with("[\"CLOSED\",\"a\",\"auth-required: "));
    EXPECT_TRUE(visitor.client.messages[2].starts_with("[\"CLOSED\",\"b\",\"auth-required: "));
    EXPECT_EQ(visitor.challenge().size(), 32U);

    Visitor other(*relay);
    other.say(R"(["REQ","a",{"kinds":[4]}])");
    EXPECT_NE(other.challenge(), visitor.challenge());
}

TEST_F(PipelineViewerTest, TheChallengeMayComeAtOnce) {
    relay->stop();
    options.challenge_at_connect = true;
    start();
    Visitor visitor(*relay);
    ASSERT_EQ(visitor.client.messages.size(), 1U);
    visitor.be("bob");
    EXPECT_EQ(visitor.client.count("[\"AUTH\""), 1U);
}

TEST_F(PipelineViewerTest, AuthenticationFailsWithItsReason) {
    Visitor visitor(*relay);
    const auto early = test::make_event(
        "bob", {kNow, 22242, {{"relay", "wss://relay.example"}, {"challenge", ""}}, ""});
    visitor.say("[\"AUTH\"," + std::string(early->json()) + "]");
    EXPECT_TRUE(visitor.client.has(to_hex(early->id()) + "\",false,\"invalid: "));

    visitor.say(R"(["REQ","dm",{"kinds":[4]}])");
    const auto good = test::make_event(
        "bob",
        {kNow, 22242, {{"relay", "wss://relay.example"}, {"challenge", visitor.challenge()}}, ""});
    std::string forged = "[\"AUTH\"," + std::string(good->json()) + "]";
    char& last_digit = forged[forged.rfind("\"}") - 1];
    last_digit = last_digit == '0' ? '1' : '0';
    visitor.say(forged);
    EXPECT_TRUE(visitor.client.has(to_hex(good->id()) + "\",false,\"invalid: "));
    visitor.say(R"(["REQ","dm",{"kinds":[4]}])");
    EXPECT_EQ(visitor.client.count("[\"CLOSED\",\"dm\",\"auth-required: "), 2U);
}

TEST_F(PipelineViewerTest, EveryKeyThatHasAuthenticatedCounts) {
    store_all({to_bob(4), test::make_event("zoe", {kNow, 4, {{"p", key_of("carol")}}, ""})});
    Visitor visitor(*relay);
    visitor.be("bob");
    visitor.be("carol");
    visitor.say(R"(["REQ","s",{"kinds":[4]}])");
    expect_soon([&] { return visitor.client.has("[\"EOSE\",\"s\""); });
    EXPECT_EQ(visitor.client.count("[\"EVENT\",\"s\""), 2U);

    const auto third = test::make_event(
        "dave",
        {kNow, 22242, {{"relay", "wss://relay.example"}, {"challenge", visitor.challenge()}}, ""});
    visitor.say("[\"AUTH\"," + std::string(third->json()) + "]");
    EXPECT_TRUE(visitor.client.has(to_hex(third->id()) + "\",false,\"restricted: "))
        << "auth.max_pubkeys";
    visitor.be("bob");  // once more: no further one
}

TEST_F(PipelineViewerTest, ABroadFilterLeavesOutWhatIsNotForThisClient) {
    const auto note = test::make_event("alice", {kNow, 1, {}, "for all"});
    store_all({note, to_bob(4), to_bob(1059)});
    Visitor nobody(*relay);
    nobody.say(R"(["REQ","s",{"limit":1}])");
    nobody.say(R"(["COUNT","c",{}])");
    expect_soon([&] { return nobody.client.has("EOSE") && nobody.client.has("COUNT"); });
    EXPECT_TRUE(nobody.client.has(to_hex(note->id()))) << "what is hidden uses no limit";
    EXPECT_TRUE(nobody.client.has("[\"EOSE\",\"s\",[\"finish\"]]")) << "nor is it hinted at";
    EXPECT_TRUE(nobody.client.has("[\"COUNT\",\"c\",{\"count\":1}]"));

    Visitor bob(*relay);
    bob.be("bob");
    bob.say(R"(["REQ","s",{}])");
    bob.say(R"(["COUNT","c",{}])");
    expect_soon([&] { return bob.client.has("[\"EOSE\",\"s\"") && bob.client.has("COUNT"); });
    EXPECT_EQ(bob.client.count("[\"EVENT\",\"s\""), 3U);
    EXPECT_TRUE(bob.client.has("[\"COUNT\",\"c\",{\"count\":3}]"));
}

TEST_F(PipelineViewerTest, LiveEventsAreHeldAgainstWhoeverTheClientIsByThen) {
    Visitor visitor(*relay);
    visitor.say(R"(["REQ","s",{"limit":0}])");
    expect_soon([&] { return visitor.client.has("EOSE"); });
    Visitor sender(*relay);
    const auto before = to_bob(1059, "before");
    sender.say(publish(before));
    expect_soon([&] { return sender.client.has(to_hex(before->id())); });
    visitor.be("bob");
    const auto after = to_bob(1059, "after");
    const auto ephemeral = to_bob(21059, "ephemeral");
    sender.say(publish(after));
    sender.say(publish(ephemeral));
    expect_soon([&] { return visitor.client.count("[\"EVENT\",\"s\"") == 2; });
    EXPECT_FALSE(visitor.client.has(to_hex(before->id())));
    EXPECT_TRUE(visitor.client.has(to_hex(after->id())));
    EXPECT_TRUE(visitor.client.has(to_hex(ephemeral->id())));
}

TEST_F(PipelineViewerTest, WhatExpiresBeforeItsDeliveryIsNotDelivered) {
    Visitor visitor(*relay);
    store.hold_scans = true;
    visitor.say(R"(["REQ","s",{}])");
    Visitor sender(*relay);
    const auto brief =
        test::make_event("alice", {kNow, 1, {{"expiration", std::to_string(kNow + 5)}}, "brief"});
    const auto lasting = test::make_event("alice", {kNow, 1, {}, "lasting"});
    sender.say(publish(brief));
    sender.say(publish(lasting));
    expect_soon([&] { return sender.client.count("[\"OK\"") == 2; });
    clock.advance(std::chrono::seconds(5));
    store.hold_scans = false;
    expect_soon([&] { return visitor.client.has(to_hex(lasting->id())); });
    EXPECT_FALSE(visitor.client.has(to_hex(brief->id())));
}

TEST_F(PipelineViewerTest, AnExpiredEventIsRefused) {
    Visitor sender(*relay);
    const auto late =
        test::make_event("alice", {kNow - 10, 1, {{"expiration", std::to_string(kNow)}}, "late"});
    sender.say(publish(late));
    EXPECT_TRUE(sender.client.has(to_hex(late->id()) + "\",false,\"invalid: the event expired"));
}

TEST_F(PipelineViewerTest, ACountIsOneAnswerAndNoSubscription) {
    store_all({test::make_event("alice", {kNow, 1, {}, "a"}),
               test::make_event("alice", {kNow, 1, {}, "b"}),
               test::make_event("bob", {kNow, 7, {}, "c"})});
    Visitor visitor(*relay);
    visitor.say(R"(["COUNT","q",{"kinds":[1],"limit":1},{"kinds":[1,7]}])");
    visitor.say(R"(["COUNT","q",{"kinds":[7]}])");
    visitor.say(R"(["COUNT","bad",{"kinds":["x"]}])");
    visitor.say(R"(["COUNT","none"])");
    expect_soon([&] { return visitor.client.count("[\"COUNT\",") == 2; });
    EXPECT_TRUE(visitor.client.has("[\"COUNT\",\"q\",{\"count\":3}]"));
    EXPECT_TRUE(visitor.client.has("[\"COUNT\",\"q\",{\"count\":1}]"));
    EXPECT_TRUE(visitor.client.has("[\"CLOSED\",\"bad\",\"invalid: "));
    EXPECT_TRUE(visitor.client.has("[\"CLOSED\",\"none\",\"invalid: "));
    EXPECT_FALSE(visitor.client.has("EOSE"));
    Visitor sender(*relay);
    sender.say(publish(test::make_event("alice", {kNow, 1, {}, "live"})));
    expect_soon([&] { return sender.client.has("[\"OK\""); });
    EXPECT_FALSE(visitor.client.has("[\"EVENT\""));
}

TEST_F(PipelineViewerTest, ACountOfReactionsEstimatesTheirAuthors) {
    const auto note = test::make_event("alice", {kNow, 1, {}, "note"});
    const std::string id = to_hex(note->id());
    event::Filter filter;
    filter.tags = {{'e', {id}}};
    event::HyperLogLog expected(*event::hyperloglog_offset_of(filter));
    for (const char* author : {"bob", "carol", "bob"}) {
        const auto like = test::make_event(author, {kNow, 7, {{"e", id}}, std::string("+")});
        store_all({like});
        expected.add(like->pubkey());
    }
    Visitor visitor(*relay);
    visitor.say("[\"COUNT\",\"q\",{\"kinds\":[7],\"#e\":[\"" + id + "\"]}]");
    visitor.say(R"(["COUNT","r",{"kinds":[7]}])");
    expect_soon([&] { return visitor.client.count("[\"COUNT\",") == 2; });
    EXPECT_TRUE(visitor.client.has("{\"count\":2,\"hll\":\"" + expected.to_hex() + "\"}"));
    EXPECT_TRUE(visitor.client.has("[\"COUNT\",\"r\",{\"count\":2}]"));
}

TEST_F(PipelineViewerTest, TooLittleWorkIsRefusedButNotForARequestToVanish) {
    relay->stop();
    options.limits.min_pow_difficulty = 200;
    start();
    Visitor sender(*relay);
    const auto lazy = test::make_event("alice", {kNow, 1, {}, "lazy"});
    const auto vanish = test::make_event("alice", {kNow, 62, {{"relay", "ALL_RELAYS"}}, ""});
    sender.say(publish(lazy));
    sender.say(publish(vanish));
    EXPECT_TRUE(sender.client.has(to_hex(lazy->id()) + "\",false,\"pow: difficulty "));
    expect_soon([&] { return sender.client.has(to_hex(vanish->id()) + "\",true"); });
}

TEST_F(PipelineViewerTest, ARefusedCountLeavesASubscriptionOfItsNameAlone) {
    Visitor visitor(*relay);
    visitor.say(R"(["REQ","s",{"kinds":[1],"limit":0}])");
    visitor.say(R"(["COUNT","s",{"kinds":["x"]}])");
    expect_soon([&] { return visitor.client.has("EOSE"); });
    Visitor sender(*relay);
    sender.say(publish(test::make_event("alice", {kNow, 1, {}, "live"})));
    expect_soon([&] { return visitor.client.has("[\"EVENT\",\"s\""); });
}

TEST_F(PipelineViewerTest, AnEndlessCountIsCutAndSaysSo) {
    relay->stop();
    options.limits.count_events = 3;
    options.readers.page_rows = 2;
    start();
    for (int i = 0; i < 5; ++i) {
        store_all({test::make_event("alice", {kNow, 1, {}, std::to_string(i)})});
    }
    Visitor visitor(*relay);
    visitor.say(R"(["COUNT","q",{}])");
    expect_soon([&] { return visitor.client.has("COUNT"); });
    EXPECT_TRUE(visitor.client.has("[\"COUNT\",\"q\",{\"count\":3,\"approximate\":true}]"));
}

TEST_F(PipelineViewerTest, AnEphemeralEventThatNobodyHearsMayBeMuted) {
    relay->stop();
    options.mute_unheard = true;
    start();
    Visitor sender(*relay);
    const auto unheard = test::make_event("alice", {kNow, 20001, {}, "unheard"});
    const auto heard = test::make_event("alice", {kNow, 20002, {}, "heard"});
    Visitor listener(*relay, 1);
    listener.say(R"(["REQ","s",{"kinds":[20002],"limit":0}])");
    EXPECT_TRUE(other_io.run_until([&] { return listener.client.has("EOSE"); }));
    for (const auto& event : {unheard, heard}) sender.say(publish(event));
    EXPECT_TRUE(sender.client.messages.empty()) << "the other thread has not been asked yet";
    other_io.run_ready();
    expect_soon([&] { return sender.client.count("[\"OK\"") == 2; });
    EXPECT_TRUE(sender.client.has(to_hex(unheard->id()) + "\",false,\"mute: "));
    EXPECT_TRUE(sender.client.has(to_hex(heard->id()) + "\",true,\"\""));
}

}  // namespace
}  // namespace parrhesia::pipeline
