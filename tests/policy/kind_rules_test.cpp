#include "parrhesia/policy/kind_rules.hpp"

#include "parrhesia/policy/marmot.hpp"

#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parrhesia::policy {
namespace {

using base::Errc;

constexpr std::int64_t kNow = 1'750'000'000;

std::optional<Errc> code_of(const std::optional<base::Refusal>& refusal) {
    return refusal ? std::optional(refusal->code) : std::nullopt;
}

std::optional<Errc> check(event::Kind kind, std::string content = "",
                          std::vector<std::vector<std::string>> tags = {},
                          const event::KindSet& denied = {}) {
    const auto event = test::make_event("alice", {kNow, kind, std::move(tags), std::move(content)});
    return code_of(check_kind(event->view(), denied));
}

TEST(KindRulesTest, TokensAndTheInsidesOfWrapsAreNeverPublished) {
    for (const event::Kind kind :
         std::initializer_list<event::Kind>{22242, 27235, 24242, 14, 15, 444, 446}) {
        EXPECT_EQ(check(kind), Errc::blocked) << kind;
    }
    for (const event::Kind kind :
         std::initializer_list<event::Kind>{0, 1, 4, 5, 13, 443, 445, 1059, 21059, 24133, 30443}) {
        EXPECT_EQ(check(kind), std::nullopt) << kind;
    }
}

TEST(KindRulesTest, ARepostMustNotEmbedAProtectedEvent) {
    const auto as_content = [](std::vector<std::vector<std::string>> tags, event::Kind kind = 1,
                               std::string content = "") {
        return std::string(
            test::make_event("bob", {kNow, kind, std::move(tags), std::move(content)})->json());
    };
    const std::string protected_event = as_content({{"t", "x"}, {"-"}});
    for (const event::Kind kind : std::initializer_list<event::Kind>{6, 16}) {
        EXPECT_EQ(check(kind, protected_event), Errc::blocked);
        EXPECT_EQ(check(kind, R"({ "tags" : [ [ "-" ] ] })"), Errc::blocked) << "however spelled";
        EXPECT_EQ(check(kind, as_content({{"-", "x"}})), Errc::blocked);
        EXPECT_EQ(check(kind, as_content({}, 6, protected_event)), Errc::blocked) << "nested";
        EXPECT_EQ(check(kind, as_content({{"t", "-"}})), std::nullopt);
        EXPECT_EQ(check(kind, ""), std::nullopt);
        EXPECT_EQ(check(kind, R"(["-"])"), std::nullopt);
        EXPECT_EQ(check(kind, "{{{"), std::nullopt);
    }
    EXPECT_EQ(check(1, protected_event), std::nullopt);
}

TEST(KindRulesTest, ARequestToVanishNamesARelay) {
    EXPECT_EQ(check(62), Errc::invalid_event);
    EXPECT_EQ(check(62, "", {{"relay", "wss://other.example"}}), std::nullopt);
}

TEST(KindRulesTest, DeniedKindsAreNotTakenButRequestsToVanishAre) {
    event::KindSet denied;
    ASSERT_TRUE(denied.add("7"));
    ASSERT_TRUE(denied.add("60-70"));
    EXPECT_EQ(check(7, "", {}, denied), Errc::blocked);
    EXPECT_EQ(check(1, "", {}, denied), std::nullopt);
    EXPECT_EQ(check(62, "", {{"relay", "ALL_RELAYS"}}, denied), std::nullopt);
}

event::Filter group_filter(std::size_t groups, std::int64_t since = 0) {
    event::Filter filter;
    filter.kinds = {445};
    filter.since = since;
    event::TagFilter tag{'h', {}};
    for (std::size_t i = 0; i < groups; ++i) tag.values.push_back(std::to_string(i));
    if (groups != 0) filter.tags.push_back(std::move(tag));
    filter.normalize();
    return filter;
}

TEST(MarmotTest, AQueryForGroupMessagesMayHaveToNameItsGroups) {
    MarmotRules rules;
    EXPECT_EQ(code_of(check_marmot_query({group_filter(0)}, rules, kNow)), std::nullopt);
    rules.require_group_tag = true;
    EXPECT_EQ(code_of(check_marmot_query({group_filter(0)}, rules, kNow)), Errc::blocked);
    EXPECT_EQ(code_of(check_marmot_query({group_filter(1)}, rules, kNow)), std::nullopt);
    EXPECT_EQ(code_of(check_marmot_query({event::Filter()}, rules, kNow)), std::nullopt)
        << "only who names the kind";
}

TEST(MarmotTest, ItsGroupsAndItsWindowAreBounded) {
    MarmotRules rules;
    rules.max_group_values = 2;
    EXPECT_EQ(code_of(check_marmot_query({group_filter(2)}, rules, kNow)), std::nullopt);
    EXPECT_EQ(code_of(check_marmot_query({group_filter(3)}, rules, kNow)), Errc::too_many);
    rules.max_window_seconds = 100;
    EXPECT_EQ(code_of(check_marmot_query({group_filter(1)}, rules, kNow)), Errc::too_large);
    EXPECT_EQ(code_of(check_marmot_query({group_filter(1, kNow - 100)}, rules, kNow)),
              std::nullopt);
    EXPECT_EQ(code_of(check_marmot_query({group_filter(1, kNow - 101)}, rules, kNow)),
              Errc::too_large);
}

TEST(MarmotTest, EventsAreBoundedByTheirKind) {
    MarmotRules rules;
    rules.group_event_bytes = rules.key_package_bytes = rules.gift_wrap_bytes = 1000;
    for (const event::Kind kind : std::initializer_list<event::Kind>{443, 445, 1059, 30443}) {
        const auto small = test::make_event("a", {kNow, kind, {}, ""});
        const auto large = test::make_event("a", {kNow, kind, {}, std::string(1000, 'x')});
        EXPECT_EQ(code_of(check_marmot_event(small->view(), rules)), std::nullopt);
        EXPECT_EQ(code_of(check_marmot_event(large->view(), rules)), Errc::too_large) << kind;
    }
    const auto other = test::make_event("a", {kNow, 1, {}, std::string(1000, 'x')});
    EXPECT_EQ(code_of(check_marmot_event(other->view(), rules)), std::nullopt);
}

}  // namespace
}  // namespace parrhesia::policy
