#include "parrhesia/protocol/client_message.hpp"

#include "parrhesia/event/verify.hpp"

#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace parrhesia::protocol {
namespace {

using base::Errc;

class ClientMessageTest : public testing::Test {
  protected:
    // The message, which must be of type T.
    template <class T>
    [[nodiscard]] T parsed(std::string_view text) {
        auto message = parser.parse(text);
        if (auto* wanted = std::get_if<T>(&message)) return std::move(*wanted);
        const auto* bad = std::get_if<BadMessage>(&message);
        ADD_FAILURE() << text << ": " << (bad ? bad->refusal.text : "another type");
        return T{};
    }
    void expect_notice(std::string_view text, Errc code) {
        const auto bad = parsed<BadMessage>(text);
        EXPECT_EQ(bad.refusal.code, code) << text << ": " << bad.refusal.text;
        EXPECT_FALSE(bad.refusal.text.empty());
        EXPECT_EQ(bad.event_id, std::nullopt) << text;
        EXPECT_EQ(bad.subscription_id, std::nullopt) << text;
    }
    void expect_closed(std::string_view text, Errc code, std::string_view subscription_id) {
        const auto bad = parsed<BadMessage>(text);
        EXPECT_EQ(bad.refusal.code, code) << text << ": " << bad.refusal.text;
        EXPECT_EQ(bad.event_id, std::nullopt);
        EXPECT_EQ(bad.subscription_id, subscription_id) << text;
    }

    ClientMessageParser parser{64};
};

TEST_F(ClientMessageTest, ReadsAnEvent) {
    const auto event = test::make_event("a", {1, 1, {{"t", "x"}}, "text"});
    const auto json = std::string(event->json());
    EXPECT_EQ(parsed<EventMessage>("[\"EVENT\"," + json + "]").event->json(), json);
    EXPECT_EQ(parsed<EventMessage>(" [ \"EVENT\" , " + json + ", 1, {} ]\n").event->json(), json)
        << "more elements are ignored";
}

TEST_F(ClientMessageTest, ReadsARequest) {
    const auto req = parsed<ReqMessage>(R"(["REQ","s\u0022",{"kinds":[1]},{"limit":0}])");
    EXPECT_EQ(req.subscription_id, "s\"");
    ASSERT_EQ(req.filters.size(), 2U);
    EXPECT_EQ(req.filters[0].kinds.size(), 1U);
    EXPECT_EQ(req.filters[1].limit, 0U);
}

TEST_F(ClientMessageTest, ReadsAClose) {
    EXPECT_EQ(parsed<CloseMessage>(R"(["CLOSE","s"])").subscription_id, "s");
    EXPECT_EQ(parsed<CloseMessage>(R"(["CLOSE","s",{}])").subscription_id, "s");
}

TEST_F(ClientMessageTest, ReadsACount) {
    const auto count = parsed<CountMessage>(R"(["COUNT","q",{"kinds":[1]},{"limit":7}])");
    EXPECT_EQ(count.query_id, "q");
    EXPECT_EQ(count.filters.size(), 2U);
}

TEST_F(ClientMessageTest, ReadsAnAuthentication) {
    const auto event = test::make_event("a", {1, 22242, {{"challenge", "x"}}, ""});
    const auto json = std::string(event->json());
    EXPECT_EQ(parsed<AuthMessage>("[\"AUTH\"," + json + "]").event->json(), json);
    auto broken = json;
    broken.replace(broken.find("\"x\""), 3, "\"y\"");
    EXPECT_EQ(parsed<BadMessage>("[\"AUTH\"," + broken + "]").event_id, event->id());
}

// A query of COUNT is no subscription, even if it has the name of one.
TEST_F(ClientMessageTest, ABadCountIsClosedUnderItsOwnId) {
    for (const auto* text : {R"(["COUNT","q",{"kinds":["x"]}])", R"(["COUNT","q"])"}) {
        const auto bad = parsed<BadMessage>(text);
        EXPECT_EQ(bad.query_id, "q") << text;
        EXPECT_EQ(bad.subscription_id, std::nullopt) << text;
    }
    EXPECT_EQ(parsed<BadMessage>(R"(["COUNT","",{}])").query_id, "");
    expect_notice(R"(["COUNT",7,{}])", Errc::invalid_subscription_id);
}

TEST_F(ClientMessageTest, ABrokenEventIsAnsweredUnderItsId) {
    const auto event = test::make_event("a", {1, 1, {}, "text"});
    auto json = std::string(event->json());
    json.replace(json.find("text"), 4, "tixt");
    const auto wrong_id = parsed<BadMessage>("[\"EVENT\"," + json + "]");
    EXPECT_EQ(wrong_id.refusal.code, Errc::invalid_id);
    EXPECT_EQ(wrong_id.event_id, event->id());

    const auto fields_missing =
        parsed<BadMessage>(R"(["EVENT",{"id":")" + base::to_hex(event->id()) + R"("}])");
    EXPECT_EQ(fields_missing.refusal.code, Errc::invalid_event);
    EXPECT_EQ(fields_missing.event_id, event->id());
    EXPECT_EQ(fields_missing.subscription_id, std::nullopt);
}

TEST_F(ClientMessageTest, AnEventWithoutAReadableIdGetsANotice) {
    expect_notice(R"(["EVENT",{}])", Errc::invalid_event);
    expect_notice(R"(["EVENT",{"id":"xyz"}])", Errc::invalid_event);
    expect_notice(R"(["EVENT",7])", Errc::invalid_event);
    expect_notice(R"(["EVENT"])", Errc::malformed_message);
}

TEST_F(ClientMessageTest, WhatIsNoMessageGetsANotice) {
    for (const auto* text :
         {"", " ", "{", "[", "[\"REQ\"", "\xFF", "[\"REQ\",\"\xFF\",{}]", "nul"}) {
        expect_notice(text, Errc::malformed_json);
    }
    for (const auto* text : {"{}", "1", "null", "\"REQ\"", "[]", "[1]", "[null,\"s\"]",
                             "[[\"REQ\"]]", R"(["req","s",{}])", R"(["AUTH","x"])", R"([""])"}) {
        expect_notice(text, Errc::malformed_message);
    }
    expect_notice(std::string(1U << 20, '['), Errc::malformed_json);
}

TEST_F(ClientMessageTest, NamesAnUnknownTypeInShort) {
    const auto bad = parsed<BadMessage>("[\"" + std::string(100000, 'A') + "\"]");
    EXPECT_LT(bad.refusal.text.size(), 200U);
    EXPECT_NE(bad.refusal.text.find("AAAA"), std::string::npos);
}

TEST_F(ClientMessageTest, ASubscriptionIdHasOneTo64Characters) {
    const std::string longest(64, 'x');
    EXPECT_EQ(parsed<ReqMessage>("[\"REQ\",\"" + longest + "\",{}]").subscription_id, longest);
    std::string accented;
    for (int i = 0; i < 64; ++i) accented += "\xF0\x9F\x98\x80";
    EXPECT_EQ(parsed<ReqMessage>("[\"REQ\",\"" + accented + "\",{}]").subscription_id, accented)
        << "characters count, not bytes";

    for (const std::string verb : {"REQ", "CLOSE"}) {
        const auto message = [&](std::string_view id) {
            return "[\"" + verb + "\",\"" + std::string(id) + "\",{}]";
        };
        expect_closed(message(""), Errc::invalid_subscription_id, "");
        expect_closed(message(longest + "x"), Errc::invalid_subscription_id, longest + "x");
        expect_closed(message(std::string(256, 'y')), Errc::invalid_subscription_id,
                      std::string(256, 'y'));
        expect_notice(message(std::string(257, 'y')), Errc::invalid_subscription_id);
        for (const auto* id : {"7", "null", "{}", "[\"s\"]"}) {
            expect_notice("[\"" + verb + "\"," + id + ",{}]", Errc::invalid_subscription_id);
        }
        expect_notice("[\"" + verb + "\"]", Errc::invalid_subscription_id);
    }
}

TEST_F(ClientMessageTest, ABadFilterClosesTheSubscription) {
    const std::string hex63(63, 'a');
    expect_closed(R"(["REQ","s",{"ids":[")" + hex63 + "\"]}]", Errc::invalid_filter, "s");
    expect_closed(R"(["REQ","s",{"authors":["ABCD"]}])", Errc::invalid_filter, "s");
    expect_closed(R"(["REQ","s",{"#e":["xyz"]}])", Errc::invalid_filter, "s");
    expect_closed(R"(["REQ","s",{"#p":["01234567"]}])", Errc::invalid_filter, "s");
    expect_closed(R"(["REQ","s",{},7])", Errc::invalid_filter, "s");
    expect_closed(R"(["REQ","s"])", Errc::invalid_filter, "s");
    expect_closed(R"(["REQ","s",{"search":"x"}])", Errc::unsupported_filter, "s");
    expect_closed(R"(["REQ","s",{},{"#ab":["x"]}])", Errc::unsupported_filter, "s");
}

// Whatever the bytes, an answer; and the next message is understood.
TEST_F(ClientMessageTest, SurvivesMutatedMessages) {
    test::EventGenerator generator(40);
    for (int i = 0; i < 3000; ++i) {
        auto text = generator.one_in(2)
                        ? "[\"EVENT\"," + std::string(generator.event()->json()) + "]"
                        : std::string(R"(["REQ","sub",{"kinds":[1,2],"#t":["a","b"],"since":5}])");
        for (auto count = generator.below(4); count > 0; --count) {
            text[generator.below(text.size())] = static_cast<char>(generator.below(256));
        }
        if (generator.one_in(4)) text.resize(generator.below(text.size()));
        (void)parser.parse(text);
    }
    EXPECT_EQ(parsed<CloseMessage>(R"(["CLOSE","s"])").subscription_id, "s");
}

}  // namespace
}  // namespace parrhesia::protocol
