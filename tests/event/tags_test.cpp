#include "parrhesia/event/tags.hpp"

#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parrhesia::event {
namespace {

EventPtr with_tags(std::vector<Tag> tags, Kind kind = 1) {
    return test::make_event("alice", {1'750'000'000, kind, std::move(tags), ""});
}

TEST(TagsOf, AreAllTagsInTheirOrder) {
    const std::vector<Tag> tags = {
        {"relay", "wss://relay.example"}, {"-"}, {"e", "", "x"}, {"t", "a\"b\\c\n\x01\u00e9"}};
    const auto event = with_tags(tags);
    EXPECT_EQ(tags_of(event->view()), tags);
    EXPECT_EQ(*find_tag(tags, "e"), tags[2]);
    EXPECT_EQ(find_tag(tags, "rela"), nullptr);
    EXPECT_TRUE(tags_of(with_tags({})->view()).empty());
}

TEST(ParseAddress, TakesBothForms) {
    const std::string key(64, 'a');
    const auto profile = parse_address("0:" + key + ":");
    ASSERT_TRUE(profile);
    EXPECT_EQ(profile->kind, 0);
    EXPECT_EQ(to_hex(profile->pubkey), key);
    EXPECT_EQ(profile->identifier, "");
    const std::string text = "30023:" + key + ":a:b";
    const auto article = parse_address(text);
    ASSERT_TRUE(article);
    EXPECT_EQ(article->kind, 30023);
    EXPECT_EQ(article->identifier, "a:b") << "what follows the second colon is the identifier";
    EXPECT_EQ(parse_address("30023:" + key + ":")->identifier, "");
}

TEST(ParseAddress, OtherTextsAreNone) {
    const std::string key(64, 'a');
    for (const std::string& text :
         {std::string(), std::string("30023"), "30023:" + key, ":" + key + ":", "1:" + key + ":",
          "20001:" + key + ":", "10002:" + key + ":x", "30023:" + key.substr(1) + ":x",
          "30023:" + std::string(64, 'A') + ":x", "65536:" + key + ":", "-1:" + key + ":",
          "300230:" + key + ":x", " 30023:" + key + ":x"}) {
        EXPECT_EQ(parse_address(text), std::nullopt) << text;
    }
}

TEST(VanishRequest, NamesUsInAnySpellingOrAllRelays) {
    const std::vector<std::string> ours = {"wss://relay.example"};
    const auto to = [](std::vector<Tag> tags) { return with_tags(std::move(tags), 62); };
    EXPECT_TRUE(is_vanish_request_to(to({{"relay", "WSS://Relay.example:443/"}})->view(), ours));
    EXPECT_TRUE(is_vanish_request_to(
        to({{"relay", "wss://other.example"}, {"relay", "wss://relay.example"}})->view(), ours));
    EXPECT_TRUE(is_vanish_request_to(to({{"relay", "ALL_RELAYS"}})->view(), {}));
    for (const char* other : {"all_relays", "wss://other.example", "", "relay.example"}) {
        EXPECT_FALSE(is_vanish_request_to(to({{"relay", other}})->view(), ours)) << other;
    }
    EXPECT_FALSE(is_vanish_request_to(to({{"relay"}, {"r", "ALL_RELAYS"}})->view(), ours));
    EXPECT_FALSE(is_vanish_request_to(with_tags({{"relay", "ALL_RELAYS"}}, 1)->view(), ours));
}

}  // namespace
}  // namespace parrhesia::event
