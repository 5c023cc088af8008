#include "parrhesia/policy/access.hpp"

#include "support/event_generator.hpp"
#include "support/manual_clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace parrhesia::policy {
namespace {

using base::Errc;

constexpr std::int64_t kNow = 1'750'000'000;

event::PubKey key_of(std::string_view seed) { return event::Keypair::from_seed(seed).pubkey(); }

std::vector<event::PubKey> keys_of(const std::vector<std::string>& seeds) {
    std::vector<event::PubKey> pubkeys;
    for (const std::string& seed : seeds) pubkeys.push_back(key_of(seed));
    std::sort(pubkeys.begin(), pubkeys.end());
    return pubkeys;
}

event::Filter of_kinds(std::vector<event::Kind> kinds) {
    event::Filter filter;
    filter.kinds = std::move(kinds);
    return filter;
}

class AccessTest : public testing::Test {
  protected:
    // The code of the refusal, or nothing.
    [[nodiscard]] std::optional<Errc> read(const std::vector<std::string>& seeds,
                                           const std::vector<event::Filter>& filters) {
        const auto refusal = check_read(filters, Viewer(clock, keys_of(seeds)), rules);
        return refusal ? std::optional(refusal->code) : std::nullopt;
    }
    [[nodiscard]] std::optional<Errc> write(const std::vector<std::string>& seeds,
                                            const event::EventPtr& event) {
        const auto refusal = check_write(event->view(), Viewer(clock, keys_of(seeds)), rules);
        return refusal ? std::optional(refusal->code) : std::nullopt;
    }
    test::ManualClock clock{kNow};
    AccessRules rules;
};

const std::vector<event::Filter> kNotes = {of_kinds({1})};

event::EventPtr note(std::string_view author, event::Kind kind = 1,
                     std::vector<std::vector<std::string>> tags = {}) {
    return test::make_event(author, {kNow, kind, std::move(tags), ""});
}

TEST_F(AccessTest, WithoutRulesEverybodyReadsAndWrites) {
    EXPECT_EQ(read({}, kNotes), std::nullopt);
    EXPECT_EQ(read({}, {event::Filter()}), std::nullopt);
    EXPECT_EQ(write({}, note("alice")), std::nullopt);
}

TEST_F(AccessTest, WhoNamesAProtectedKindMustBeKnown) {
    for (const event::Kind kind : std::initializer_list<event::Kind>{4, 1059, 21059}) {
        EXPECT_EQ(read({}, {of_kinds({kind})}), Errc::auth_required) << kind;
        EXPECT_EQ(read({}, {of_kinds({1}), of_kinds({1, kind})}), Errc::auth_required) << kind;
        EXPECT_EQ(read({"bob"}, {of_kinds({kind})}), std::nullopt) << kind;
    }
}

TEST_F(AccessTest, ReadingMayNeedAuthentication) {
    rules.read = Access::authenticated;
    EXPECT_EQ(read({}, kNotes), Errc::auth_required);
    EXPECT_EQ(read({"bob"}, kNotes), std::nullopt);
}

TEST_F(AccessTest, ReadingMayNeedMembership) {
    rules.read = Access::allowed;
    rules.allowed = keys_of({"alice"});
    EXPECT_EQ(read({}, kNotes), Errc::auth_required);
    EXPECT_EQ(read({"bob"}, kNotes), Errc::restricted);
    EXPECT_EQ(read({"bob", "alice"}, kNotes), std::nullopt);
}

TEST_F(AccessTest, WritingMayNeedAuthentication) {
    rules.write = Access::authenticated;
    EXPECT_EQ(write({}, note("alice")), Errc::auth_required);
    EXPECT_EQ(write({"bob"}, note("alice")), std::nullopt);
}

TEST_F(AccessTest, AMemberPublishesItsOwnEventsAndThoseOfOthers) {
    rules.write = Access::allowed;
    rules.allowed = keys_of({"alice"});
    EXPECT_EQ(write({}, note("alice")), std::nullopt) << "the signature says who it is";
    EXPECT_EQ(write({}, note("bob")), Errc::auth_required);
    EXPECT_EQ(write({"bob"}, note("bob")), Errc::restricted);
    EXPECT_EQ(write({"alice"}, note("throwaway", 1059)), std::nullopt);
}

TEST_F(AccessTest, SomeKindsMayNeedAnySender) {
    ASSERT_TRUE(rules.write_kinds.add("1059"));
    EXPECT_EQ(write({}, note("throwaway", 1059)), Errc::auth_required);
    EXPECT_EQ(write({"bob"}, note("throwaway", 1059)), std::nullopt);
    EXPECT_EQ(write({}, note("alice")), std::nullopt);
}

TEST_F(AccessTest, TheDeniedDoNotPublish) {
    rules.denied = keys_of({"mallory"});
    EXPECT_EQ(write({}, note("mallory")), Errc::blocked);
    EXPECT_EQ(write({"alice"}, note("mallory")), Errc::blocked);
    EXPECT_EQ(write({}, note("alice")), std::nullopt);
}

TEST_F(AccessTest, AProtectedEventComesFromItsAuthorOnly) {
    const auto event = note("alice", 1, {{"-"}});
    EXPECT_EQ(write({}, event), Errc::auth_required);
    EXPECT_EQ(write({"bob"}, event), Errc::restricted);
    EXPECT_EQ(write({"bob", "alice"}, event), std::nullopt);
}

TEST_F(AccessTest, ARequestToVanishPassesEveryRule) {
    rules.write = Access::allowed;
    rules.denied = keys_of({"mallory"});
    ASSERT_TRUE(rules.write_kinds.add("62"));
    EXPECT_EQ(write({}, note("mallory", 62, {{"relay", "ALL_RELAYS"}})), std::nullopt);
}

TEST(KindSetTest, TakesKindsAndRangesAndNothingElse) {
    event::KindSet kinds;
    EXPECT_TRUE(kinds.empty());
    EXPECT_TRUE(kinds.add("7"));
    EXPECT_TRUE(kinds.add("1000-1999"));
    EXPECT_TRUE(kinds.add("65535"));
    for (const char* bad : {"", "-", "1-", "-1", "2-1", "65536", "7 ", "0x1", "1-2-3", "a"}) {
        EXPECT_FALSE(kinds.add(bad)) << bad;
    }
    for (const event::Kind kind : std::initializer_list<event::Kind>{7, 1000, 1500, 1999, 65535})
        EXPECT_TRUE(kinds.contains(kind));
    for (const event::Kind kind : std::initializer_list<event::Kind>{0, 6, 8, 999, 2000, 65534})
        EXPECT_FALSE(kinds.contains(kind));
}

}  // namespace
}  // namespace parrhesia::policy
