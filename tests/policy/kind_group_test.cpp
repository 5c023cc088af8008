#include "parrhesia/policy/kind_group.hpp"

#include <gtest/gtest.h>

#include <string>

namespace parrhesia::policy {
namespace {

using base::TokenRate;

TEST(KindGroupTest, ReadsNameKindsAndRate) {
    const auto group = parse_kind_group("likes: kinds=7,9735,1000-1999 per_second=20 burst=200");
    ASSERT_TRUE(group) << group.error().text;
    EXPECT_EQ(group->name, "likes");
    EXPECT_EQ(group->kinds.ranges(),
              (std::vector<event::KindSet::Range>{{7, 7}, {9735, 9735}, {1000, 1999}}));
    EXPECT_EQ(group->rate, TokenRate(20, 200));
}

TEST(KindGroupTest, NamesWhatItDoesNotUnderstand) {
    const auto error = [](const char* text) {
        const auto group = parse_kind_group(text);
        return group ? "accepted" : group.error().text;
    };
    EXPECT_EQ(error(""), "no name before a colon");
    EXPECT_EQ(error(" : kinds=1 per_second=1 burst=1"), "no name before a colon");
    EXPECT_EQ(error("a: per_second=1 burst=1"), "no kinds=");
    EXPECT_EQ(error("a: kinds=1 burst=1"), "no per_second=");
    EXPECT_EQ(error("a: kinds=1 per_second=1"), "no burst=");
    EXPECT_EQ(error("a: kinds=x per_second=1 burst=1"),
              "\"x\", which is no kind and no range of kinds");
    EXPECT_EQ(error("a: kinds=9-2 per_second=1 burst=1"),
              "\"9-2\", which is no kind and no range of kinds");
    EXPECT_EQ(error("a: kinds=65536 per_second=1 burst=1"),
              "\"65536\", which is no kind and no range of kinds");
    EXPECT_EQ(error("a: kinds=1 per_second=0 burst=1"),
              "\"per_second=0\", which is no number from 1 to 1000000000");
    EXPECT_EQ(error("a: kinds=1 rate=1 burst=1"),
              "\"rate=1\", which is none of kinds=, per_second=, burst=");
    EXPECT_EQ(error("a: kinds"), "no kinds=");
}

TEST(RateTextTest, ReadsWhatItWrites) {
    for (const TokenRate rate : {TokenRate(), TokenRate(20, 200), TokenRate(1, TokenRate::kMost)}) {
        const auto read = parse_rate(to_string(rate));
        ASSERT_TRUE(read) << read.error().text;
        EXPECT_EQ(*read, rate);
    }
    EXPECT_EQ(to_string(TokenRate(20, 200)), "20/s burst 200");
}

TEST(RateTextTest, RefusesAnythingElse) {
    for (const char* text : {"", "20", "20/s", "20/s burst", "20/s burst 0", "0/s burst 3",
                             "-1/s burst 3", "20/m burst 3", "20/s burst 3 more", "off burst 3",
                             "20/s burst 1000000001", "1e3/s burst 3"}) {
        EXPECT_FALSE(parse_rate(text)) << text;
    }
}

}  // namespace
}  // namespace parrhesia::policy
