#include "parrhesia/store/retention.hpp"

#include "store/lmdb/retention_walk.hpp"
#include "store/lmdb/store.hpp"
#include "store/lmdb_testing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

using store::parse_retention_rule;
using store::RetentionRule;
using store::lmdb::RetentionWalk;

TEST(RetentionRules, SayKindsAgesAndNumbers) {
    const auto rule = parse_retention_rule("kinds=445,1000-1999  days=30 per_author=7");
    ASSERT_TRUE(rule);
    EXPECT_TRUE(rule->covers(445));
    EXPECT_TRUE(rule->covers(1500));
    EXPECT_FALSE(rule->covers(1));
    EXPECT_EQ(rule->max_age, std::chrono::hours(24 * 30));
    EXPECT_EQ(rule->per_author, 7U);
    const auto all = parse_retention_rule("hours=48");
    ASSERT_TRUE(all);
    EXPECT_TRUE(all->covers(1) && all->covers(65535));
    EXPECT_EQ(all->per_author, std::nullopt);
}

TEST(RetentionRules, AMistakeIsNamed) {
    const auto text_of = [](std::string_view rule) {
        const auto parsed = parse_retention_rule(rule);
        return parsed ? std::string("fine") : parsed.error().text;
    };
    for (const auto& [rule, part] :
         std::vector<std::pair<std::string, std::string>>{{"", "needs days"},
                                                          {"kinds=1", "needs days"},
                                                          {"days=0", "\"days=0\""},
                                                          {"days=36501", "36500"},
                                                          {"days=x", "\"days=x\""},
                                                          {"days", "\"days\""},
                                                          {"days=1 hours=2", "twice"},
                                                          {"kinds= days=1", "\"\""},
                                                          {"kinds=1,65536 days=1", "\"65536\""},
                                                          {"per_author=-1", "per_author"},
                                                          {"kind=1 days=1", "\"kind=1\""}}) {
        EXPECT_NE(text_of(rule).find(part), std::string::npos) << rule << ": " << text_of(rule);
    }
}

class RetentionWalkTest : public LmdbTest {
  protected:
    static constexpr std::int64_t kNow = 1'000'000;

    static RetentionRule rule(std::string_view text) { return *parse_retention_rule(text); }
    static EventPtr event_of(std::string_view author, event::Kind kind, std::int64_t age) {
        return make_event(author, {kNow - age, kind, {}, ""});
    }
    // Walks one whole pass; returns how many events went, and in how many steps.
    std::pair<std::size_t, std::size_t> pass(store::lmdb::LmdbStore& store, RetentionWalk& walk) {
        std::size_t removed = 0;
        for (std::size_t steps = 1;; ++steps) {
            store::lmdb::Transaction txn(store.environment());
            EXPECT_EQ(txn.begin(store::lmdb::Transaction::Mode::write), 0);
            RetentionWalk::Step step;
            EXPECT_EQ(walk.step(txn, kNow, step), 0);
            EXPECT_EQ(txn.commit(), 0);
            EXPECT_LE(step.removed, RetentionWalk::kRemovals);
            removed += step.removed;
            if (step.pass_done) return {removed, steps};
        }
    }
};

TEST_F(RetentionWalkTest, RemovesWhatIsTooOldOrTooManyAndNothingElse) {
    {
        store::lmdb::LmdbStore store(options());
        std::vector<EventPtr> kept;
        std::vector<EventPtr> all;
        const auto add = [&](const EventPtr& event, bool stays) {
            all.push_back(event);
            if (stays) kept.push_back(event);
        };
        for (const char* author : {"alice", "bob", "carol"}) {
            for (int age = 0; age < 10; ++age) {
                add(event_of(author, 7, age), age < 3);
                add(event_of(author, 445, age * 3600), age <= 5);
                add(event_of(author, 1, age * 86400), true);
                add(event_of(author, 5, age * 86400), true);
                add(event_of(author, 62, age * 86400), true);
            }
        }
        (void)put_all(store, all);
        RetentionWalk walk({rule("kinds=7 per_author=3"), rule("kinds=445 hours=5"),
                            rule("kinds=5,62 hours=1 per_author=1")});

        EXPECT_EQ(pass(store, walk).first, 3U * (7 + 4));
        std::sort(kept.begin(), kept.end(), comes_before);
        EXPECT_EQ(query(store, Filter{}), json_of(kept));
        EXPECT_EQ(pass(store, walk).first, 0U) << "another pass finds nothing more";
    }
    expect_whole();
}

TEST_F(RetentionWalkTest, ALargePassGoesInSmallStepsThatKeepTheirCounts) {
    {
        store::lmdb::LmdbStore store(options());
        std::vector<EventPtr> all;
        for (int i = 0; i < 1500; ++i) all.push_back(event_of("alice", 7, i));
        for (int i = 0; i < 1500; ++i) all.push_back(event_of("bob", 7, i));
        (void)put_all(store, all);
        RetentionWalk walk({rule("per_author=1000")});
        const auto [removed, steps] = pass(store, walk);
        EXPECT_EQ(removed, 1000U);
        EXPECT_GE(steps, 5U);
        EXPECT_EQ(store.stats().events, 2000U);
    }
    expect_whole();
}

}  // namespace
}  // namespace parrhesia::test
