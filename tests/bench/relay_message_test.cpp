#include "relay_message.hpp"

#include <gtest/gtest.h>

#include <string>

namespace parrhesia::bench {
namespace {

using Type = RelayMessage::Type;

TEST(ParseRelayMessage, FindsTheEventOfASubscription) {
    const auto message = parse_relay_message(R"(["EVENT","live",{"id":"x","tags":[["a","]"]]}])");

    EXPECT_EQ(message.type, Type::event);
    EXPECT_EQ(message.name, "live");
    EXPECT_EQ(message.rest, R"({"id":"x","tags":[["a","]"]]})");
}

TEST(ParseRelayMessage, TellsAcceptedFromRefused) {
    const auto accepted = parse_relay_message(R"(["OK","ab",true,""])");
    const auto refused = parse_relay_message(R"([ "OK" , "ab" , false , "blocked: true" ])");

    EXPECT_EQ(accepted.type, Type::ok);
    EXPECT_TRUE(accepted.is_accepted);
    EXPECT_EQ(refused.name, "ab");
    EXPECT_FALSE(refused.is_accepted);
    EXPECT_TRUE(refused.rest.starts_with(R"("blocked: true")"));
}

TEST(ParseRelayMessage, KnowsTheOthersAndCallsTheRestOther) {
    EXPECT_EQ(parse_relay_message(R"(["EOSE","q7"])").type, Type::eose);
    EXPECT_EQ(parse_relay_message(R"(["EOSE","q7"])").name, "q7");
    EXPECT_EQ(parse_relay_message(R"(["CLOSED","q7","error: x"])").type, Type::closed);
    EXPECT_EQ(parse_relay_message(R"(["NOTICE","hello"])").type, Type::notice);
    for (const char* text : {"", "[", "[]", R"(["AUTH","x"])", R"({"a":1})", R"(["EVENT")"}) {
        EXPECT_EQ(parse_relay_message(text).type, Type::other) << text;
    }
}

TEST(FindEventId, IsNotFooledByContentAndTags) {
    const std::string id(64, 'a');
    const std::string json =
        R"({"content":"{\"id\":\"no\"}","tags":[["id","no"]], "id" : ")" + id + R"(","kind":1})";

    EXPECT_EQ(find_event_id(json), id);
    EXPECT_EQ(find_event_id(R"({"id":"short"})"), "");
    EXPECT_EQ(find_event_id(R"({"content":"x"})"), "");
}

}  // namespace
}  // namespace parrhesia::bench
