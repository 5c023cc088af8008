#include "parrhesia/event/parse.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::event {
namespace {

using base::Errc;

const std::string kA(64, 'a');
const std::string kB(64, 'b');

class ParseFilterTest : public testing::Test {
  protected:
    [[nodiscard]] Filter parsed(std::string_view json) {
        auto result = reader.filter(json);
        if (!result) {
            ADD_FAILURE() << json << ": " << result.error().text;
            return {};
        }
        return *std::move(result);
    }
    void expect_refused(std::string_view json, Errc code, std::string_view named = "") {
        const auto result = reader.filter(json);
        ASSERT_FALSE(result) << json;
        EXPECT_EQ(result.error().code, code) << json << ": " << result.error().text;
        EXPECT_NE(result.error().text.find(named), std::string::npos) << result.error().text;
    }

    JsonReader reader;
};

TEST_F(ParseFilterTest, ReadsEveryElement) {
    const auto filter =
        parsed(R"({"ids":[")" + kB + R"(",")" + kA + R"("],"authors":[")" + kA +
               R"("],"kinds":[7,0,65535,7],)" + R"("#e":[")" + kA +
               R"("],"#t":["b","a",""],"#Z":["x"],"since":5,"until":10,"limit":3})");
    EXPECT_EQ(filter.ids.size(), 2U);
    EXPECT_LT(filter.ids[0], filter.ids[1]);
    EXPECT_EQ(filter.authors.size(), 1U);
    EXPECT_EQ(filter.kinds, (std::vector<Kind>{0, 7, 65535}));
    ASSERT_EQ(filter.tags.size(), 3U);
    EXPECT_EQ(filter.tags[0].name, 'Z');
    EXPECT_EQ(filter.tags[1].name, 'e');
    EXPECT_EQ(filter.tags[2].values, (std::vector<std::string>{"", "a", "b"}));
    EXPECT_EQ(filter.since, 5);
    EXPECT_EQ(filter.until, 10);
    EXPECT_EQ(filter.limit, 3U);
    EXPECT_FALSE(filter.never);
}

TEST_F(ParseFilterTest, AnEmptyObjectAsksForEverything) {
    const auto filter = parsed("{}");
    EXPECT_EQ(filter.item_count(), 0U);
    EXPECT_FALSE(filter.never);
    EXPECT_EQ(filter.limit, std::nullopt);
}

TEST_F(ParseFilterTest, AnEmptyListMatchesNothing) {
    for (const auto* json : {R"({"ids":[]})", R"({"authors":[]})", R"({"kinds":[]})",
                             R"({"#t":[]})", R"({"#e":[],"kinds":[1]})"}) {
        EXPECT_TRUE(parsed(json).never) << json;
    }
}

TEST_F(ParseFilterTest, IdsAndKeysAreWholeAndLowercase) {
    for (const std::string key : {"ids", "authors", "#e", "#p"}) {
        for (const auto& value :
             {"\"" + std::string(63, 'a') + "\"", "\"" + std::string(65, 'a') + "\"",
              "\"" + std::string(64, 'A') + "\"", "\"" + std::string(64, 'x') + "\"",
              std::string("\"abcdef01\""), std::string("\"\""), std::string("1"),
              std::string("null")}) {
            expect_refused("{\"" + key + "\":[" + value + "]}", Errc::invalid_filter, key);
        }
        expect_refused("{\"" + key + "\":\"" + kA + "\"}", Errc::invalid_filter, key);
    }
    EXPECT_EQ(parsed(R"({"#E":["any"],"#P":["thing"]})").tags.size(), 2U);
}

TEST_F(ParseFilterTest, KindsAreNumbersOfSixteenBits) {
    for (const auto* list : {"[65536]", "[-1]", "[1.5]", "[\"1\"]", "[null]", "1", "{}", "[1e3]"}) {
        expect_refused(std::string("{\"kinds\":") + list + "}", Errc::invalid_filter, "kinds");
    }
}

TEST_F(ParseFilterTest, TimesAreIntegersAndBroughtIntoRange) {
    EXPECT_EQ(parsed(R"({"since":-5})").since, 0);
    EXPECT_EQ(parsed(R"({"until":-5})").until, -5);
    EXPECT_EQ(parsed(R"({"until":18446744073709551615})").until,
              std::numeric_limits<std::int64_t>::max());
    for (const auto* value : {"1.5", "1e9", "\"1\"", "null", "[]", "true"}) {
        expect_refused(std::string("{\"since\":") + value + "}", Errc::invalid_filter, "since");
        expect_refused(std::string("{\"until\":") + value + "}", Errc::invalid_filter, "until");
    }
}

TEST_F(ParseFilterTest, LimitIsZeroOrMoreAndClamped) {
    EXPECT_EQ(parsed(R"({"limit":0})").limit, 0U);
    EXPECT_EQ(parsed(R"({"limit":4294967296})").limit, 4294967295U);
    EXPECT_EQ(parsed(R"({"limit":18446744073709551615})").limit, 4294967295U);
    for (const auto* value : {"-1", "1.5", "\"1\"", "null", "[]"}) {
        expect_refused(std::string("{\"limit\":") + value + "}", Errc::invalid_filter, "limit");
    }
}

TEST_F(ParseFilterTest, TagValuesAreStrings) {
    for (const auto* value : {"[1]", "[null]", "[[]]", "\"a\"", "{}"}) {
        expect_refused(std::string("{\"#t\":") + value + "}", Errc::invalid_filter, "#t");
    }
}

TEST_F(ParseFilterTest, UnknownElementsAreUnsupported) {
    for (const auto* key : {"search", "#ee", "#", "#1", "#\xC3\xA9", "", "Ids", "author", "&t"}) {
        expect_refused("{\"" + std::string(key) + "\":[\"a\"]}", Errc::unsupported_filter, key);
    }
}

TEST_F(ParseFilterTest, RepeatedElementsAreRefused) {
    expect_refused(R"({"kinds":[1],"kinds":[2]})", Errc::invalid_filter, "kinds");
    expect_refused(R"({"#t":["a"],"#t":["a"]})", Errc::invalid_filter, "#t");
}

TEST_F(ParseFilterTest, RefusesWhatIsNoObject) {
    for (const auto* json : {"[]", "1", "null", "\"{}\""}) {
        expect_refused(json, Errc::invalid_filter);
    }
}

TEST_F(ParseFilterTest, ReadsOneFilterOrAList) {
    EXPECT_EQ(reader.filters("{}")->size(), 1U);
    EXPECT_EQ(reader.filters(R"([{"kinds":[1]},{"kinds":[2]}])")->size(), 2U);
    EXPECT_EQ(reader.filters("[]").error().code, Errc::invalid_filter);
    EXPECT_EQ(reader.filters("[{},1]").error().code, Errc::invalid_filter);
    EXPECT_EQ(reader.filters("[{}").error().code, Errc::malformed_json);
}

TEST_F(ParseFilterTest, QuotesAtMostTheBeginningOfAnUnknownElement) {
    const auto result = reader.filter("{\"" + std::string(10000, 'k') + "\\u001b[2J\":1}");
    ASSERT_FALSE(result);
    EXPECT_LT(result.error().text.size(), 200U);
    const auto control = reader.filter(R"({"\u001b[2J":1})");
    ASSERT_FALSE(control);
    EXPECT_EQ(control.error().text.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace parrhesia::event
