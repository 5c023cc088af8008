#include "parrhesia/policy/query_cost.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace parrhesia::policy {
namespace {

using event::Filter;
using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000;

Filter limited(std::uint32_t limit) {
    Filter filter;
    filter.limit = limit;
    return filter;
}

template <class Id>
std::vector<Id> many(std::size_t count) {
    std::vector<Id> ids(count);
    for (std::size_t i = 0; i < count; ++i) {
        ids[i].bytes[0] = static_cast<std::uint8_t>(i >> 8U);
        ids[i].bytes[1] = static_cast<std::uint8_t>(i);
    }
    return ids;
}

std::uint64_t cost(const Filter& filter) { return estimate_cost(filter, 500, kNow).total(); }

TEST(QueryCostTest, WhatMatchesNothingCostsNothing) {
    Filter never;
    never.never = true;
    EXPECT_EQ(cost(never), 0U);
    EXPECT_EQ(cost(limited(0)), 0U);
    Filter backwards;
    backwards.since = 10;
    backwards.until = 9;
    EXPECT_EQ(cost(backwards), 0U);
}

TEST(QueryCostTest, IdsCostWhatTheyAre) {
    Filter filter = limited(5000);
    filter.ids = many<event::Id>(10);
    EXPECT_EQ(estimate_cost(filter, 500, kNow).ranges, 10U);
    EXPECT_EQ(estimate_cost(filter, 500, kNow).rows, 10U);
}

TEST(QueryCostTest, AuthorsAndKindsMultiplyUntilOneIndexIsCheaper) {
    Filter filter = limited(100);
    filter.authors = many<event::PubKey>(100);
    filter.kinds = {1, 6, 7};
    EXPECT_EQ(estimate_cost(filter, 500, kNow).ranges, 300U);
    filter.authors = many<event::PubKey>(1000);
    EXPECT_EQ(estimate_cost(filter, 500, kNow).ranges, 1000U);
    EXPECT_EQ(estimate_cost(filter, 500, kNow).unsorted, 1U);
}

TEST(QueryCostTest, EveryConditionBesideTheIndexMakesItDearer) {
    Filter filter = limited(100);
    filter.kinds = {1};
    const auto by_kind = cost(filter);
    filter.tags.push_back({'t', {"nostr"}});
    const auto by_tag = cost(filter);
    filter.tags.push_back({'p', {"somebody"}});
    EXPECT_LT(by_kind, by_tag);
    EXPECT_LT(by_tag, cost(filter));
}

TEST(QueryCostTest, BroadIsWhatHasNeitherConditionsNorANarrowWindow) {
    Filter filter = limited(100);
    EXPECT_TRUE(estimate_cost(filter, 500, kNow).is_broad);
    filter.since = kNow - 3600;
    EXPECT_FALSE(estimate_cost(filter, 500, kNow).is_broad);
    filter.since = kNow - 30 * 24 * 3600;
    EXPECT_TRUE(estimate_cost(filter, 500, kNow).is_broad);
    filter.until = filter.since + 60;
    EXPECT_FALSE(estimate_cost(filter, 500, kNow).is_broad);
    filter = limited(100);
    filter.kinds = {1};
    EXPECT_FALSE(estimate_cost(filter, 500, kNow).is_broad);
}

TEST(QueryCostTest, AFilterWithoutLimitCostsWhatItMayProduce) {
    Filter filter;
    filter.kinds = {1};
    EXPECT_LT(estimate_cost(filter, 500, kNow).total(),
              estimate_cost(filter, 100'000, kNow).total());
}

TEST(QueryCostTest, RefusesAboveTheBoundAndOnlyThere) {
    const std::vector<Filter> filters(3, limited(100));
    const auto together = 3 * cost(filters[0]);
    EXPECT_EQ(check_cost(filters, 500, together, kNow), std::nullopt);
    const auto refused = check_cost(filters, 500, together - 1, kNow);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code, base::Errc::too_many);
    EXPECT_EQ(check_cost(filters, 500, 0, kNow), std::nullopt);
}

TEST(QueryCostTest, TheRefusalSaysWhichFilterIsDearAndWhy) {
    Filter cheap = limited(10);
    cheap.kinds = {1};
    Filter broad = limited(5000);
    EXPECT_EQ(check_cost({cheap, broad}, 500, 1000, kNow)->text,
              "the query would cost about 20018 units, at most 1000 are allowed; the dearest of "
              "its 2 filters is number 2 (20004 units): it names no ids, authors, tags or kinds: "
              "add some, ask for a day or less with since, or lower its limit");
    Filter wide = limited(10);
    wide.authors = many<event::PubKey>(900);
    EXPECT_THAT(check_cost({wide}, 500, 1000, kNow)->text, HasSubstr("look in 900 places"));
    Filter mixed = limited(5000);
    mixed.kinds = {1};
    mixed.tags.push_back({'t', {"nostr"}});
    EXPECT_THAT(check_cost({mixed}, 500, 1000, kNow)->text, HasSubstr("ask for fewer of them"));
    Filter many_rows = limited(5000);
    many_rows.kinds = {1};
    EXPECT_TRUE(check_cost({many_rows}, 500, 1000, kNow)->text.ends_with(": lower its limit"));
}

TEST(QueryCostTest, LargestOrdinaryQueriesStayFarBelowTheDefaultBound) {
    constexpr std::uint64_t kDefault = 250'000;
    Filter timeline = limited(500);
    timeline.authors = many<event::PubKey>(5000);
    timeline.kinds = {1, 6, 7, 9735, 30023};
    EXPECT_EQ(check_cost({timeline}, 500, kDefault, kNow), std::nullopt);
    EXPECT_EQ(check_cost(std::vector<Filter>(100, limited(500)), 500, kDefault, kNow),
              std::nullopt);
    EXPECT_TRUE(check_cost(std::vector<Filter>(100, limited(5000)), 500, kDefault, kNow));
}

}  // namespace
}  // namespace parrhesia::policy
