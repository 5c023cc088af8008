// What the store does by itself: retention, and that some relay always does it.
#include "postgres/postgres_testing.hpp"
#include "support/manual_clock.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

constexpr std::int64_t kNow = 100'000'000;

class PostgresUpkeepTest : public testing::Test {
  protected:
    std::unique_ptr<EventStore> open(const std::vector<const char*>& rules) {
        store::PostgresOptions options = options_for(connection);
        options.clock = &clock;
        for (const char* rule : rules) {
            options.retention.push_back(*store::parse_retention_rule(rule));
        }
        return store::open_postgres_store(options);
    }

    const std::string connection = shared_postgres().make_database();
    ManualClock clock{kNow};
};

TEST_F(PostgresUpkeepTest, RetentionTakesWhatIsTooOldOrTooManyAndNothingElse) {
    constexpr std::int64_t kDay = 86'400;
    std::vector<EventPtr> kept;
    std::vector<EventPtr> all;
    for (const char* author : {"alice", "bob"}) {
        for (std::int64_t age = 0; age < 6; ++age) {
            const EventPtr reaction = note(kNow - age, 7, {{"t", "x"}}, author);
            all.push_back(reaction);
            if (age < 3) kept.push_back(reaction);
        }
        all.push_back(note(kNow - 3 * kDay, 1, {}, author));
        for (const Kind never : {Kind{5}, Kind{62}}) {
            all.push_back(note(kNow - 3 * kDay, never, {}, author));
            kept.push_back(all.back());
        }
        all.push_back(note(kNow - kDay, 1, {}, author));
        kept.push_back(all.back());
        all.push_back(note(kNow - 90 * kDay, 0, {}, author));
        kept.push_back(all.back());
    }
    for (const PutResult& result : put_all(*open({}), all)) {
        ASSERT_EQ(result.status, PutStatus::stored);
    }

    const auto store = open({"kinds=7 per_author=3", "kinds=1,5,62 days=2"});

    // The database knows a little earlier than the one who counts.
    const std::size_t removed = all.size() - kept.size();
    EXPECT_TRUE(eventually([&] { return store->stats().retention_removed >= removed; }));
    EXPECT_EQ(store->stats().retention_removed, removed);
    EXPECT_EQ(store->stats().events, kept.size());
    std::sort(kept.begin(), kept.end(), comes_before);
    EXPECT_EQ(query(*store, Filter()), json_of(kept));
    expect_consistent(connection);
}

TEST_F(PostgresUpkeepTest, AnotherRelayTakesOver) {
    auto first = open({});
    const auto second = open({});
    const auto expire = [&](EventStore& store) {
        const std::string soon = std::to_string(clock.unix_seconds() + 10);
        ASSERT_EQ(put(store, note(kNow, 1, {{"expiration", soon}})).status, PutStatus::stored);
        clock.advance(std::chrono::seconds(20));
        EXPECT_TRUE(eventually(
            [&] { return run_sql(connection, "SELECT count(*) FROM parrhesia.event") == "0"; }));
    };
    const auto removed = [](const EventStore& store) { return store.stats().expired_removed; };
    expire(*second);
    // The database knows a little earlier than the one who counts.
    EXPECT_TRUE(eventually([&] { return removed(*first) + removed(*second) == 1; }));
    const std::uint64_t by_second = removed(*second);
    first.reset();

    expire(*second);

    EXPECT_TRUE(eventually([&] { return removed(*second) == by_second + 1; }));
}

}  // namespace
}  // namespace parrhesia::test
