// Two relays that share one database.
#include "postgres/relay_testing.hpp"
#include "support/postgres_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace parrhesia::test {
namespace {

using ::testing::AnyOf;
using ::testing::StartsWith;

constexpr Kind kAddressable = 30'023;

class TwoRelaysTest : public ::testing::Test {
  protected:
    const std::string connection = shared_postgres().make_database();
    RelayProcess first{settings_of(connection)};
    RelayProcess second{settings_of(connection)};
    WsClient to_first{first.port()};
    WsClient to_second{second.port()};
};

TEST_F(TwoRelaysTest, WhatOneTakesTheOtherFinds) {
    const EventPtr a = new_event();
    const EventPtr b = new_event();
    ASSERT_TRUE(publish_until_taken(to_first, a));
    ASSERT_TRUE(publish_until_taken(to_second, b));

    const std::set<std::string> both{id_of(a), id_of(b)};
    for (const RelayProcess* relay : {&first, &second}) {
        EXPECT_EQ(found(relay->port(), R"({"kinds":[1]})"), both);
    }
    EXPECT_THAT(publish(to_second, a), StartsWith(ok_of(a, "true,\"duplicate: ")));
}

TEST_F(TwoRelaysTest, VersionsWrittenToBothAtTheSameTimeEndInOne) {
    const std::int64_t start = now() - 100;
    for (int round = 0; round < 30; ++round) {
        const Tags address{{"d", "article " + std::to_string(round)}};
        // Of the same second in every other round: then the lower id wins.
        const EventPtr a = new_event(kAddressable, address, "alice", start);
        const EventPtr b = new_event(kAddressable, address, "alice", start + round % 2);
        to_first.send(publication(a));
        to_second.send(publication(b));
        const std::string answer_a = to_first.receive().value_or("nothing");
        const std::string answer_b = to_second.receive().value_or("nothing");

        const bool b_wins = a->created_at() != b->created_at() || b->id() < a->id();
        EXPECT_THAT(b_wins ? answer_b : answer_a, StartsWith(ok_of(b_wins ? b : a, "true,")));
        // The other one was there first, or came too late.
        const EventPtr& loser = b_wins ? a : b;
        EXPECT_THAT(b_wins ? answer_a : answer_b,
                    AnyOf(StartsWith(ok_of(loser, "true,")),
                          StartsWith(ok_of(loser, "false,\"duplicate: "))));
        const std::set<std::string> winner{id_of(b_wins ? b : a)};
        const std::string filter = "{\"#d\":[\"" + address.front().back() + "\"]}";
        EXPECT_EQ(found(first.port(), filter), winner) << round;
        EXPECT_EQ(found(second.port(), filter), winner) << round;
    }
}

TEST_F(TwoRelaysTest, ADeletionByOneIsHonouredByTheOther) {
    const EventPtr known = new_event();
    const EventPtr unknown = new_event();
    ASSERT_TRUE(publish_until_taken(to_first, known));
    const EventPtr deletion = new_event(5, {{"e", id_of(known)}, {"e", id_of(unknown)}});
    ASSERT_TRUE(publish_until_taken(to_second, deletion));

    EXPECT_EQ(found(first.port(), R"({"kinds":[1]})"), std::set<std::string>());
    for (const EventPtr& event : {known, unknown}) {
        EXPECT_THAT(publish(to_first, event), StartsWith(ok_of(event, "false,\"blocked: ")));
    }
}

}  // namespace
}  // namespace parrhesia::test
