// Every limit as announced (NIP-11) and as enforced: the largest that is allowed passes, one more
// is refused in the right form. T11.03 of the relay's requirements.

#include "integration/support/relay_process.hpp"
#include "integration/support/ws_client.hpp"
#include "support/event_generator.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <chrono>
#include <memory>
#include <string>

namespace parrhesia::test {
namespace {

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

class LimitsTest : public testing::Test {
  protected:
    // The number that the information document announces.
    std::int64_t announced(const char* name) {
        const auto answer = http_get(relay.port(), "/", "application/nostr+json");
        simdjson::dom::parser parser;
        return parser.parse(answer.body)["limitation"][name].get_int64();
    }
    std::string publish(const event::EventDraft& draft) {
        const auto event = make_event("alice", draft);
        client.send("[\"EVENT\"," + std::string(event->json()) + "]");
        return client.receive().value_or("nothing");
    }
    static bool accepted(const std::string& answer) {
        return answer.find(",true,") != std::string::npos;
    }
    static bool invalid(const std::string& answer) {
        return answer.find(",false,\"invalid: ") != std::string::npos;
    }
    // The last message that answers the REQ: EOSE or CLOSED.
    std::string subscribe(const std::string& id, const std::string& filters) {
        client.send("[\"REQ\",\"" + id + "\"," + filters + "]");
        for (;;) {
            const auto message = client.receive();
            if (!message) return "nothing";
            if (!message->starts_with("[\"EVENT\"")) return *message;
        }
    }

    RelayProcess relay{{"limits.message_bytes=65536", "limits.event_bytes=60000",
                        "limits.event_tags=50", "limits.content_characters=40000",
                        "limits.tag_value_bytes=100", "limits.subscriptions=5", "limits.filters=4",
                        "limits.filter_items=30", "limits.max_limit=10", "limits.default_limit=5",
                        "limits.created_at_future_seconds=600",
                        "limits.created_at_past_seconds=86400"}};
    WsClient client{relay.port()};
};

TEST_F(LimitsTest, TagsOfAnEvent) {
    const auto most = static_cast<std::size_t>(announced("max_event_tags"));
    EXPECT_EQ(most, 50U);
    event::EventDraft draft{now(), 1, {}, ""};
    draft.tags.assign(most, {"x", "y"});
    EXPECT_TRUE(accepted(publish(draft)));
    draft.tags.push_back({"x", "y"});
    EXPECT_TRUE(invalid(publish(draft)));
}

TEST_F(LimitsTest, ContentCountsCharactersNotBytes) {
    const auto most = static_cast<std::size_t>(announced("max_content_length"));
    EXPECT_EQ(most, 40000U);
    EXPECT_TRUE(accepted(publish({now(), 1, {}, std::string(most, 'a')})));
    EXPECT_TRUE(invalid(publish({now(), 1, {}, std::string(most + 1, 'a')})));
    std::string two_bytes_each;
    for (int i = 0; i < 25'000; ++i) two_bytes_each += "\u00e9";
    EXPECT_TRUE(accepted(publish({now(), 1, {}, two_bytes_each})));
}

TEST_F(LimitsTest, ValuesOfIndexedTags) {
    EXPECT_TRUE(accepted(publish({now(), 1, {{"t", std::string(100, 'x')}}, ""})));
    EXPECT_TRUE(invalid(publish({now(), 1, {{"t", std::string(101, 'x')}}, ""})));
    EXPECT_TRUE(accepted(publish({now(), 1, {{"description", std::string(5000, 'x')}}, ""})));
}

TEST_F(LimitsTest, WindowOfCreatedAt) {
    const auto future = announced("created_at_upper_limit");
    const auto past = announced("created_at_lower_limit");
    EXPECT_EQ(future, 600);
    EXPECT_EQ(past, 86400);
    EXPECT_TRUE(accepted(publish({now() + future - 20, 1, {}, "soon"})));
    EXPECT_TRUE(invalid(publish({now() + future + 20, 1, {}, "later"})));
    EXPECT_TRUE(accepted(publish({now() - past + 20, 1, {}, "old"})));
    EXPECT_TRUE(invalid(publish({now() - past - 20, 1, {}, "too old"})));
}

TEST_F(LimitsTest, SubscriptionsOfAConnection) {
    const auto most = announced("max_subscriptions");
    EXPECT_EQ(most, 5);
    for (int i = 0; i < most; ++i) {
        EXPECT_TRUE(subscribe(std::to_string(i), "{}").starts_with("[\"EOSE\""));
    }
    EXPECT_TRUE(subscribe("more", "{}").starts_with("[\"CLOSED\",\"more\",\"invalid: "));
    EXPECT_TRUE(subscribe("0", "{\"kinds\":[1]}").starts_with("[\"EOSE\""));  // replaces
    client.send(R"(["CLOSE","1"])");
    EXPECT_TRUE(subscribe("more", "{}").starts_with("[\"EOSE\""));
    WsClient other(relay.port());
    other.send(R"(["REQ","own",{}])");
    EXPECT_TRUE(other.receive()->starts_with("[\"EOSE\",\"own\""));
}

TEST_F(LimitsTest, LengthOfSubscriptionIds) {
    const auto most = static_cast<std::size_t>(announced("max_subid_length"));
    EXPECT_TRUE(subscribe(std::string(most, 's'), "{}").starts_with("[\"EOSE\""));
    EXPECT_TRUE(subscribe(std::string(most + 1, 's'), "{}").starts_with("[\"CLOSED\""));
    EXPECT_TRUE(subscribe("", "{}").starts_with("[\"CLOSED\",\"\""));
}

TEST_F(LimitsTest, FiltersAndTheirItems) {
    EXPECT_TRUE(subscribe("s", "{},{},{},{}").starts_with("[\"EOSE\""));
    EXPECT_TRUE(subscribe("s", "{},{},{},{},{}").starts_with("[\"CLOSED\",\"s\",\"invalid: "));
    std::string kinds = "{\"kinds\":[1000";
    for (int kind = 1001; kind < 1030; ++kind) kinds += "," + std::to_string(kind);
    EXPECT_TRUE(subscribe("s", kinds + "]}").starts_with("[\"EOSE\""));
    EXPECT_TRUE(
        subscribe("s", kinds + "]},{\"kinds\":[1]}").starts_with("[\"CLOSED\",\"s\",\"invalid: "));
}

TEST_F(LimitsTest, LimitIsClampedNotRefused) {
    EXPECT_EQ(announced("max_limit"), 10);
    EXPECT_EQ(announced("default_limit"), 5);
    for (int i = 0; i < 15; ++i) {
        EXPECT_TRUE(accepted(publish({now() - i, 1, {}, std::to_string(i)})));
    }
    const auto count = [this](const char* request) {
        client.send(request);
        return client.receive_until("[\"EOSE\"").size() - 1;
    };
    EXPECT_EQ(count(R"(["REQ","s",{"kinds":[1]}])"), 5U);
    EXPECT_EQ(count(R"(["REQ","s",{"kinds":[1],"limit":7}])"), 7U);
    EXPECT_EQ(count(R"(["REQ","s",{"kinds":[1],"limit":11}])"), 10U);
    EXPECT_EQ(count(R"(["REQ","s",{"kinds":[1],"limit":0}])"), 0U);
}

TEST_F(LimitsTest, SizeOfAMessage) {
    const auto most = static_cast<std::size_t>(announced("max_message_length"));
    EXPECT_EQ(most, 65536U);
    std::string request = R"(["REQ","s",{"limit":0}])";
    request.append(most - request.size(), ' ');
    client.send(request);
    EXPECT_TRUE(client.receive()->starts_with("[\"EOSE\",\"s\""));
    client.send(request + " ");
    EXPECT_TRUE(client.wait_for_end());
    EXPECT_EQ(client.close_code(), 1009U);
}

}  // namespace
}  // namespace parrhesia::test
