#include "parrhesia/policy/authentication.hpp"

#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parrhesia::policy {
namespace {

constexpr std::int64_t kNow = 1'750'000'000;
constexpr std::string_view kChallenge = "a challenge";

struct Attempt {
    std::string relay = "wss://relay.example";
    std::string challenge = std::string(kChallenge);
    std::int64_t created_at = kNow;
    event::Kind kind = 22242;
};

bool passes(const Attempt& attempt, const RelayAddress& relay = {{"wss://relay.example"}, 7777},
            std::string_view challenge = kChallenge) {
    const auto event =
        test::make_event("alice", {attempt.created_at,
                                   attempt.kind,
                                   {{"relay", attempt.relay}, {"challenge", attempt.challenge}},
                                   ""});
    return !check_authentication(event->view(), challenge, relay, kNow);
}

TEST(AuthenticationTest, TheRightEventPasses) { EXPECT_TRUE(passes({})); }

TEST(AuthenticationTest, AnotherKindDoesNot) { EXPECT_FALSE(passes({.kind = 1})); }

TEST(AuthenticationTest, TheChallengeIsThisConnectionsOwn) {
    EXPECT_FALSE(passes({.challenge = "another"}));
    EXPECT_FALSE(passes({.challenge = ""}));
    EXPECT_FALSE(passes({.challenge = ""}, {{"wss://relay.example"}, 7777}, ""))
        << "none has been sent yet";
}

TEST(AuthenticationTest, TenMinutesEitherWay) {
    EXPECT_TRUE(passes({.created_at = kNow - 600}));
    EXPECT_TRUE(passes({.created_at = kNow + 600}));
    EXPECT_FALSE(passes({.created_at = kNow - 601}));
    EXPECT_FALSE(passes({.created_at = kNow + 601}));
    EXPECT_FALSE(passes({.created_at = 0}));
}

TEST(AuthenticationTest, TheHostOfTheRelayIsEnough) {
    for (const char* url :
         {"wss://relay.example", "wss://relay.example/", "WSS://RELAY.Example:443/",
          "ws://relay.example", "wss://relay.example/path?x#y"}) {
        EXPECT_TRUE(passes({.relay = url})) << url;
    }
    for (const char* url : {"wss://other.example", "wss://relay.example.evil",
                            "wss://relay.example:8443", "https://relay.example", "relay.example",
                            "", "wss://", "wss://relay.example@evil", "ws://127.0.0.1:7777"}) {
        EXPECT_FALSE(passes({.relay = url})) << url;
    }
}

TEST(AuthenticationTest, WithoutAPublicUrlOnlyTheLoopbackCounts) {
    const RelayAddress local{{}, 7777};
    for (const char* url : {"ws://127.0.0.1:7777", "ws://localhost:7777/", "ws://[::1]:7777"}) {
        EXPECT_TRUE(passes({.relay = url}, local)) << url;
    }
    for (const char* url : {"ws://127.0.0.1:7778", "ws://localhost", "ws://evil.example:7777"}) {
        EXPECT_FALSE(passes({.relay = url}, local)) << url;
    }
}

TEST(AuthenticationTest, EventsWithoutTheTagsDoNot) {
    const auto bare = test::make_event("alice", {kNow, 22242, {{"relay"}, {"challenge"}}, ""});
    EXPECT_TRUE(check_authentication(bare->view(), kChallenge, {{"wss://relay.example"}, 0}, kNow));
}

}  // namespace
}  // namespace parrhesia::policy
