#include "event/record.hpp"

#include "parrhesia/event/verify.hpp"

#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace parrhesia::event {
namespace {

using Tags = std::vector<std::vector<std::string>>;
using Indexed = std::vector<std::pair<char, std::string>>;

Indexed indexed_tags(const EventView& view) {
    Indexed result;
    for (const auto tag : view.tags()) result.emplace_back(tag.name, tag.value);
    return result;
}

EventPtr with_tags(Kind kind, Tags tags) {
    return test::make_event("author", {1000, kind, std::move(tags), "content"});
}

TEST(RecordTest, HoldsEveryField) {
    const auto event = test::make_event("author", {1'700'000'001, 30023, {{"d", "x"}}, "content"});
    const auto view = event->view();
    EXPECT_EQ(view.pubkey(), Keypair::from_seed("author").pubkey());
    EXPECT_EQ(view.pubkey_bytes(), view.pubkey().view());
    EXPECT_EQ(view.id_bytes(), view.id().view());
    EXPECT_EQ(view.created_at(), 1'700'000'001);
    EXPECT_EQ(view.kind(), 30023);
    EXPECT_EQ(view.expiration(), 0);
    EXPECT_FALSE(view.is_protected());
    EXPECT_EQ(view.identifier(), "x");
    EXPECT_TRUE(view.json().starts_with("{\"id\":\"" + base::to_hex(view.id())));
    EXPECT_TRUE(view.json().ends_with("\"}"));
}

// The stores keep these bytes: a change of the layout needs a new version.
TEST(RecordTest, LayoutOfVersionOne) {
    const auto event = test::make_event(
        "author", {0x0102030405, 0x1234, {{"e", "ab", "no"}, {"-"}, {"expiration", "258"}}, ""});
    const auto record = event->view().record();
    using namespace std::string_literals;
    EXPECT_EQ(record.substr(0, 24),
              "\x01\x01\x34\x12\x07\x00\x00\x00"
              "\x05\x04\x03\x02\x01\x00\x00\x00"
              "\x02\x01\x00\x00\x00\x00\x00\x00"s);
    EXPECT_EQ(record.substr(24, 32), event->id().view());
    EXPECT_EQ(record.substr(56, 32), event->pubkey().view());
    EXPECT_EQ(record.substr(88, 7), "e\x02\x00\x00\x00"s + "ab");
    EXPECT_EQ(record.substr(95), event->json());
}

TEST(RecordTest, IndexesFirstValuesOfSingleLetterTags) {
    const auto event = with_tags(1, {{"e", "1", "2"},
                                     {"E", "3"},
                                     {"title", "no"},
                                     {"t"},
                                     {"1", "no"},
                                     {"", "no"},
                                     {"e", "1"},
                                     {"Z", ""},
                                     {"\xC3\xA9", "no"}});
    EXPECT_EQ(indexed_tags(event->view()),
              (Indexed{{'e', "1"}, {'E', "3"}, {'e', "1"}, {'Z', ""}}));
}

TEST(RecordTest, AnAddressableEventAlwaysHasAnIdentifier) {
    EXPECT_EQ(indexed_tags(with_tags(30000, {})->view()), (Indexed{{'d', ""}}));
    EXPECT_EQ(indexed_tags(with_tags(30000, {{"d"}})->view()), (Indexed{{'d', ""}}));
    EXPECT_EQ(indexed_tags(with_tags(30000, {{"d", ""}})->view()), (Indexed{{'d', ""}}));
    EXPECT_EQ(indexed_tags(with_tags(39999, {{"t", "a"}})->view()),
              (Indexed{{'t', "a"}, {'d', ""}}));
    EXPECT_EQ(indexed_tags(with_tags(1, {{"d"}})->view()), Indexed{});
    EXPECT_EQ(indexed_tags(with_tags(40000, {})->view()), Indexed{});
}

TEST(RecordTest, TheFirstIdentifierCounts) {
    EXPECT_EQ(with_tags(30000, {{"d", "x"}, {"d", "y"}})->view().identifier(), "x");
    EXPECT_EQ(with_tags(30000, {{"d"}, {"d", "y"}})->view().identifier(), "");
    EXPECT_EQ(with_tags(30000, {{"t", "a"}, {"d", "y", "z"}})->view().identifier(), "y");
    EXPECT_EQ(with_tags(30000, {})->view().identifier(), "");
}

TEST(RecordTest, ReadsTheExpiration) {
    const auto expiration = [](Tags tags) {
        return with_tags(1, std::move(tags))->view().expiration();
    };
    EXPECT_EQ(expiration({{"expiration", "1700000000"}}), 1'700'000'000);
    EXPECT_EQ(expiration({{"expiration", "5"}, {"expiration", "6"}}), 5);
    EXPECT_EQ(expiration({{"expiration", "0"}}), 1) << "0 means none";
    for (const auto* bad :
         {"", "soon", "-5", "+5", " 5", "5 ", "5.0", "0x5", "99999999999999999999"}) {
        EXPECT_EQ(expiration({{"expiration", bad}}), 0) << bad;
    }
    EXPECT_EQ(expiration({{"expiration"}}), 0);
    EXPECT_EQ(expiration({{"t", "expiration", "5"}}), 0);
}

TEST(RecordTest, KnowsProtectedEvents) {
    EXPECT_TRUE(with_tags(1, {{"t", "a"}, {"-"}})->view().is_protected());
    EXPECT_TRUE(with_tags(1, {{"-", "x"}})->view().is_protected());
    EXPECT_FALSE(with_tags(1, {{"t", "-"}})->view().is_protected());
}

TEST(RecordTest, AMovedRecordIsTheSameEvent) {
    test::EventGenerator generator(10);
    for (int i = 0; i < 200; ++i) {
        const auto event = generator.event();
        const std::string copy(event->view().record());
        const auto view = EventView::from_record(copy);
        ASSERT_TRUE(view);
        ASSERT_EQ(view->id(), event->id());
        ASSERT_EQ(view->json(), event->json());
        ASSERT_EQ(indexed_tags(*view), indexed_tags(event->view()));
    }
}

TEST(RecordTest, RefusesAnotherVersion) {
    std::string record(with_tags(1, {})->view().record());
    for (const char version : {'\0', '\2', '\3', '\x7f'}) {
        record[0] = version;
        EXPECT_FALSE(EventView::from_record(record));
    }
}

TEST(RecordTest, RefusesATruncatedRecord) {
    const std::string record(with_tags(1, {{"e", "value"}, {"t", "x"}})->view().record());
    for (std::size_t size = 0; size < record.size(); ++size) {
        // In a buffer of that size, so that a sanitizer sees any step beyond.
        const std::vector<char> bytes(record.begin(),
                                      record.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(EventView::from_record({bytes.data(), bytes.size()})) << size;
    }
}

// Whatever the bytes: refused, or every accessor stays inside.
TEST(RecordTest, ReadsNoByteBeyondAMutatedRecord) {
    test::EventGenerator generator(11);
    std::size_t accepted = 0;
    for (int i = 0; i < 20000; ++i) {
        const auto event = i % 100 == 0 ? generator.event() : with_tags(1, {{"e", "v"}});
        const auto source = event->view().record();
        std::vector<char> bytes(source.begin(), source.end());
        for (auto count = 1 + generator.below(3); count > 0; --count) {
            // Mostly the head and the tags, where the lengths are.
            const auto bound =
                generator.one_in(4) ? bytes.size() : std::min<std::size_t>(120, bytes.size());
            bytes[generator.below(bound)] = static_cast<char>(generator.below(256));
        }
        if (generator.one_in(3)) bytes.resize(generator.below(bytes.size() + 1));

        const auto view = EventView::from_record({bytes.data(), bytes.size()});
        if (!view) continue;
        ++accepted;
        std::size_t touched = view->identifier().size() + view->json().size();
        for (const auto tag : view->tags()) touched += tag.value.size() + 5;
        ASSERT_LE(touched, bytes.size() + view->identifier().size());
        ASSERT_GE(view->created_at(), 0);
    }
    EXPECT_GT(accepted, 0U);
}

}  // namespace
}  // namespace parrhesia::event
