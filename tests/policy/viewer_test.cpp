// Who sees what: one rule for every path.
#include "parrhesia/policy/viewer.hpp"

#include "support/event_generator.hpp"
#include "support/manual_clock.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parrhesia::policy {
namespace {

constexpr std::int64_t kNow = 1'750'000'000;

event::PubKey key_of(std::string_view seed) { return event::Keypair::from_seed(seed).pubkey(); }

event::EventPtr to_bob(event::Kind kind) {
    return test::make_event("alice", {kNow, kind, {{"p", to_hex(key_of("bob"))}}, ""});
}

class ViewerTest : public testing::Test {
  protected:
    [[nodiscard]] bool shows(const std::vector<std::string>& seeds, const event::EventPtr& event) {
        std::vector<event::PubKey> pubkeys;
        for (const std::string& seed : seeds) pubkeys.push_back(key_of(seed));
        return Viewer(clock, pubkeys).shows(event->view());
    }
    test::ManualClock clock{kNow};
};

TEST_F(ViewerTest, OrdinaryEventsAreForAll) {
    for (const event::Kind kind :
         std::initializer_list<event::Kind>{0, 1, 3, 5, 445, 1058, 1060, 10002, 20001, 30023}) {
        EXPECT_TRUE(shows({}, to_bob(kind))) << kind;
    }
}

TEST_F(ViewerTest, DirectMessagesAreForAuthorAndRecipient) {
    const auto message = to_bob(4);
    EXPECT_FALSE(shows({}, message));
    EXPECT_FALSE(shows({"carol"}, message));
    EXPECT_TRUE(shows({"alice"}, message));
    EXPECT_TRUE(shows({"bob"}, message));
}

TEST_F(ViewerTest, GiftWrapsAreForTheirRecipientsAlone) {
    for (const event::Kind kind : std::initializer_list<event::Kind>{1059, 21059}) {
        const auto wrap = to_bob(kind);
        EXPECT_FALSE(shows({}, wrap));
        EXPECT_FALSE(shows({"carol"}, wrap));
        EXPECT_FALSE(shows({"alice"}, wrap)) << "the key of a wrap is nobody's";
        EXPECT_TRUE(shows({"bob"}, wrap));
        EXPECT_TRUE(shows({"carol", "bob"}, wrap)) << "every key that has authenticated counts";
    }
}

TEST_F(ViewerTest, OnlyAWholeKeyInAPTagMakesARecipient) {
    const std::string bob = to_hex(key_of("bob"));
    for (const std::vector<std::string>& tag :
         {std::vector<std::string>{"P", bob}, {"p", "x", bob}, {"p"}, {"p", bob.substr(0, 63)}}) {
        const auto wrap = test::make_event("alice", {kNow, 1059, {tag}, ""});
        EXPECT_FALSE(shows({"bob"}, wrap)) << tag.front();
    }
    const auto for_two =
        test::make_event("alice", {kNow, 1059, {{"p", to_hex(key_of("carol"))}, {"p", bob}}, ""});
    EXPECT_TRUE(shows({"bob"}, for_two));
}

TEST_F(ViewerTest, WhatHasExpiredIsForNobody) {
    const auto expiring = [](event::Kind kind) {
        return test::make_event("alice",
                                {kNow, kind, {{"expiration", std::to_string(kNow + 2)}}, ""});
    };
    const auto note = expiring(1);
    EXPECT_TRUE(shows({}, note));
    clock.advance(std::chrono::seconds(2));
    EXPECT_FALSE(shows({}, note)) << "the second of its expiration is too late";
    EXPECT_FALSE(shows({"alice"}, note));
    EXPECT_TRUE(shows({}, expiring(20001))) << "nothing of an ephemeral event is stored";
}

}  // namespace
}  // namespace parrhesia::policy
