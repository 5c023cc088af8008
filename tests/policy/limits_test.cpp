#include "parrhesia/policy/limits.hpp"

#include "parrhesia/event/verify.hpp"

#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace parrhesia::policy {
namespace {

using base::Errc;
using event::EventDraft;
using event::Filter;

constexpr std::int64_t kNow = 1'700'000'000;

void expect_refusal(const std::optional<base::Refusal>& refusal, Errc code, std::string_view text) {
    ASSERT_TRUE(refusal) << text;
    EXPECT_EQ(refusal->code, code);
    EXPECT_EQ(refusal->text, text);
}

class CheckEventTest : public testing::Test {
  protected:
    [[nodiscard]] std::optional<base::Refusal> check(const EventDraft& draft) const {
        return check_event(*test::make_event("author", draft), limits, kNow);
    }
    Limits limits;
};

TEST_F(CheckEventTest, AcceptsAnOrdinaryEvent) {
    EXPECT_EQ(check({kNow, 1, {{"t", "x"}}, "text"}), std::nullopt);
}

TEST_F(CheckEventTest, BoundsTheBytes) {
    const EventDraft draft{kNow, 1, {}, "text"};
    const auto bytes = test::make_event("author", draft)->json().size();
    limits.event_bytes = bytes;
    EXPECT_EQ(check(draft), std::nullopt);
    limits.event_bytes = bytes - 1;
    expect_refusal(check(draft), Errc::too_large,
                   "event has " + std::to_string(bytes) + " bytes, at most " +
                       std::to_string(bytes - 1) + " are allowed");
}

TEST_F(CheckEventTest, BoundsTheTags) {
    limits.event_tags = 2;
    EXPECT_EQ(check({kNow, 1, {{"a"}, {"long"}}, ""}), std::nullopt);
    expect_refusal(check({kNow, 1, {{"a"}, {"long"}, {"x"}}, ""}), Errc::too_many,
                   "event has 3 tags, at most 2 are allowed");
}

TEST_F(CheckEventTest, BoundsIndexedValuesOnly) {
    limits.tag_value_bytes = 3;
    EXPECT_EQ(check({kNow, 1, {{"t", "abc", "longer"}, {"title", "longer"}}, ""}), std::nullopt);
    expect_refusal(check({kNow, 1, {{"t", "abcd"}}, ""}), Errc::too_large,
                   "a single-letter tag has a value of 4 bytes, at most 3 are allowed");
}

TEST_F(CheckEventTest, CountsCharactersOfTheContent) {
    limits.content_characters = 2;
    EXPECT_EQ(check({kNow, 1, {}, "\xF0\x9F\x98\x80\xF0\x9F\x98\x80"}), std::nullopt);
    expect_refusal(check({kNow, 1, {}, "abc"}), Errc::too_large,
                   "content has 3 characters, at most 2 are allowed");
}

TEST_F(CheckEventTest, BoundsTheFuture) {
    EXPECT_EQ(check({kNow + 900, 1, {}, ""}), std::nullopt);
    expect_refusal(check({kNow + 901, 1, {}, ""}), Errc::created_at_out_of_range,
                   "created_at is 901 seconds in the future, at most 900 are allowed");
    const auto last = std::numeric_limits<std::int64_t>::max();
    ASSERT_TRUE(check({last, 1, {}, ""}));
}

TEST_F(CheckEventTest, BoundsThePastOnlyWhenAsked) {
    EXPECT_EQ(check({0, 1, {}, ""}), std::nullopt);
    limits.created_at_past_seconds = 60;
    EXPECT_EQ(check({kNow - 60, 1, {}, ""}), std::nullopt);
    expect_refusal(check({kNow - 61, 1, {}, ""}), Errc::created_at_out_of_range,
                   "created_at is 61 seconds in the past, at most 60 are allowed");
}

TEST(CheckReqTest, BoundsSubscriptions) {
    Limits limits;
    limits.subscriptions = 3;
    EXPECT_EQ(check_req({Filter{}}, {2, 0}, limits), std::nullopt);
    expect_refusal(check_req({Filter{}}, {3, 0}, limits), Errc::too_many,
                   "connection has 3 open subscriptions, at most 3 are allowed; close one");
}

TEST(CheckReqTest, BoundsFilters) {
    Limits limits;
    limits.filters = 2;
    EXPECT_EQ(check_req(std::vector<Filter>(2), {}, limits), std::nullopt);
    expect_refusal(check_req(std::vector<Filter>(3), {}, limits), Errc::too_many,
                   "REQ has 3 filters, at most 2 are allowed");
}

TEST(CheckReqTest, BoundsWhatAllSubscriptionsHoldTogether) {
    Limits limits;
    limits.connection_filter_items = 10;
    Filter filter;
    filter.kinds = {1, 2};
    EXPECT_EQ(check_req({filter}, {1, 7}, limits), std::nullopt);
    expect_refusal(check_req({filter, Filter{}}, {1, 7}, limits), Errc::too_many,
                   "connection would have 11 filters and values in its subscriptions, at most 10 "
                   "are allowed; close one");
}

TEST(CheckReqTest, BoundsValuesOfAllFiltersTogether) {
    Limits limits;
    limits.filter_items = 5;
    Filter filter;
    filter.kinds = {1, 2};
    filter.tags = {{'t', {"a"}}};
    Filter two;
    two.kinds = {1, 2};
    EXPECT_EQ(check_req({filter, two}, {}, limits), std::nullopt);
    expect_refusal(check_req({filter, filter}, {}, limits), Errc::too_many,
                   "REQ has 6 values in its filters, at most 5 are allowed");
}

TEST(ClampLimitsTest, GivesEveryFilterALimit) {
    Limits limits;
    limits.default_limit = 50;
    limits.max_limit = 100;
    std::vector<Filter> filters(4);
    filters[1].limit = 0;
    filters[2].limit = 100;
    filters[3].limit = 101;
    clamp_limits(filters, limits);
    EXPECT_EQ(filters[0].limit, 50U);
    EXPECT_EQ(filters[1].limit, 0U);
    EXPECT_EQ(filters[2].limit, 100U);
    EXPECT_EQ(filters[3].limit, 100U);
}

}  // namespace
}  // namespace parrhesia::policy
