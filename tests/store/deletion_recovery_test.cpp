// Deletions, vanishing and expiry across crashes, restarts and older files.
#include "parrhesia/store/embedded_store.hpp"

#include "store/deletion_testing.hpp"
#include "store/lmdb/store.hpp"
#include "store/lmdb_testing.hpp"
#include "support/manual_clock.hpp"

#include <gtest/gtest.h>
#include <lmdb.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

using store::EmbeddedOptions;

class DeletionRecoveryTest : public LmdbTest {
  protected:
    [[nodiscard]] EmbeddedOptions embedded() const {
        EmbeddedOptions result;
        result.lmdb = options();
        result.lmdb.clock = &clock;
        result.journal_file_bytes = 64 << 10;
        result.index_delay = std::chrono::milliseconds(0);
        result.upkeep_interval = std::chrono::milliseconds(1);
        return result;
    }
    [[nodiscard]] EmbeddedOptions never_indexed() const {
        EmbeddedOptions result = embedded();
        result.index_delay = std::chrono::hours(1);
        result.index_batch_events = std::numeric_limits<std::size_t>::max();
        result.index_batch_bytes = std::numeric_limits<std::size_t>::max();
        return result;
    }
    [[nodiscard]] static bool put_stored(EventStore& store, const std::vector<EventPtr>& events) {
        const auto results = store.put(events);
        return std::all_of(results.begin(), results.end(), [](const PutResult& result) {
            return result.status == PutStatus::stored;
        });
    }
    // What a process has left that was killed with `events` in the journal only.
    void leave_in_journal(const std::vector<EventPtr>& events) const {
        ASSERT_EQ(in_child([&] {
                      const auto store = store::open_embedded_store(never_indexed());
                      for (const EventPtr& event : events) {
                          if (!put_stored(*store, {event})) return 1;
                      }
                      ::_exit(0);
                  }),
                  0);
    }
    // As a build that does not know them would have left the file.
    void drop_added_databases() const {
        MDB_env* env = nullptr;
        MDB_txn* txn = nullptr;
        ASSERT_EQ(mdb_env_create(&env), 0);
        ASSERT_EQ(mdb_env_set_maxdbs(env, 16), 0);
        ASSERT_EQ(mdb_env_set_mapsize(env, 64 << 20), 0);
        ASSERT_EQ(mdb_env_open(env, path().c_str(), 0, 0600), 0);
        ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
        for (const char* name : {"tombstone", "expiration"}) {
            MDB_dbi database = 0;
            ASSERT_EQ(mdb_dbi_open(txn, name, 0, &database), 0);
            ASSERT_EQ(mdb_drop(txn, database, 1), 0);
        }
        ASSERT_EQ(mdb_txn_commit(txn), 0);
        mdb_env_close(env);
    }
    [[nodiscard]] static EventPtr expiring(std::int64_t created_at, std::int64_t expiration,
                                           Kind kind = 1, std::string_view name = "x") {
        return note(created_at, kind,
                    {{"expiration", std::to_string(expiration)}, {"d", std::string(name)}});
    }

    ManualClock clock{1000};
};

TEST_F(DeletionRecoveryTest, WhatOnlyTheJournalHasIsDoneAfterACrash) {
    const EventPtr old = note(1);
    const EventPtr target = note(2);
    const EventPtr profile = note(3, 0, {}, "bob");
    const EventPtr wrap = wrap_to("bob", 4);
    const EventPtr deletion = deletion_of(target, 10);
    const EventPtr request = vanish_request(20, "bob");
    ASSERT_TRUE(put_stored(*store::open_embedded_store(embedded()), {old, profile}));
    leave_in_journal({target, deletion, wrap, request});

    {
        EmbeddedOptions looking = embedded();
        looking.lmdb.read_only = true;
        const auto beside = store::open_embedded_store(looking);
        EXPECT_EQ(query(*beside, Filter{}), json_of({request, deletion, old}));
    }
    {
        const auto store = store::open_embedded_store(embedded());
        EXPECT_EQ(query(*store, Filter{}), json_of({request, deletion, old}));
        expect_refused(put(*store, target), Errc::deleted);
        expect_refused(put(*store, profile), Errc::vanished);
        expect_refused(put(*store, wrap), Errc::vanished);
        EXPECT_TRUE(eventually([&] { return store->stats().events == 3; }));
        EXPECT_EQ(store->stats().vanish_removed, 2U);
    }
    expect_whole();
}

TEST_F(DeletionRecoveryTest, AVanishThatWasInterruptedGoesOn) {
    constexpr int kEvents = 3000;
    const EventPtr request = vanish_request(kEvents);
    const EventPtr others = note(5, 1, {}, "bob");
    ASSERT_EQ(
        in_child([&] {
            store::lmdb::LmdbStore store(options());
            std::vector<store::SequencedEvent> events{{others, 1}};
            for (int i = 0; i < kEvents; ++i) {
                events.push_back({i % 4 == 0 ? wrap_to("alice", i) : note(i), events.size() + 1});
            }
            events.push_back({request, events.size() + 1, 0, nullptr, true});
            if (store.index(events)) return 1;
            if (!store.upkeep() || !store.upkeep()) return 2;
            if (store.stats().vanish_removed == 0) return 3;
            ::_exit(0);
        }),
        0);

    {
        EmbeddedOptions looking = embedded();
        looking.lmdb.read_only = true;
        const auto beside = store::open_embedded_store(looking);
        EXPECT_GT(beside->stats().events, 2U);  // else nothing was interrupted
        EXPECT_EQ(query(*beside, Filter{}), json_of({request, others}));
    }
    {
        const auto store = store::open_embedded_store(embedded());
        EXPECT_EQ(query(*store, Filter{}), json_of({request, others}));
        EXPECT_TRUE(eventually([&] { return store->stats().events == 2; }));
        EXPECT_EQ(query(*store, Filter{}), json_of({request, others}));
    }
    expect_whole();
}

TEST_F(DeletionRecoveryTest, ScansHideWhatVanishesWhileItIsRemoved) {
    const auto store = store::open_embedded_store(embedded());
    std::vector<EventPtr> events;
    for (int i = 0; i < 2000; ++i) events.push_back(note(i, 1, {}, i % 2 == 0 ? "alice" : "bob"));
    ASSERT_TRUE(put_stored(*store, events));
    ASSERT_TRUE(put_stored(*store, {vanish_request(5000)}));

    do {
        ASSERT_EQ(query(*store, Filter{}).size(), 1001U);
    } while (store->stats().vanish_removed < 1000);
    EXPECT_EQ(query(*store, Filter{}).size(), 1001U);
}

TEST_F(DeletionRecoveryTest, AnOlderFileGetsWhatItLacks) {
    const EventPtr plain = note(1);
    const EventPtr soon = expiring(2, 1100);
    const EventPtr later = expiring(3, 5000);
    ASSERT_TRUE(put_stored(*store::open_embedded_store(embedded()), {plain, soon, later}));
    drop_added_databases();
    const std::vector<std::string> all = json_of({later, soon, plain});
    {
        EmbeddedOptions looking = embedded();
        looking.lmdb.read_only = true;
        const auto beside = store::open_embedded_store(looking);
        EXPECT_EQ(query(*beside, Filter{}), all);
        EXPECT_EQ(beside->stats().tombstones, 0U);
    }
    {
        const auto store = store::open_embedded_store(embedded());
        EXPECT_EQ(query(*store, Filter{}), all);
        const EventPtr deletion = deletion_of(plain, 10);
        ASSERT_TRUE(put_stored(*store, {deletion}));
        expect_refused(put(*store, plain), Errc::deleted);
        clock.advance(std::chrono::seconds(100));
        EXPECT_TRUE(eventually([&] { return store->stats().expired_removed == 1; }));
        EXPECT_EQ(query(*store, Filter{}), json_of({deletion, later}));
    }
    expect_whole();
}

TEST_F(DeletionRecoveryTest, WhatHasExpiredIsRemoved) {
    const EventPtr plain = note(1);
    const EventPtr at_1001 = expiring(2, 1001);
    const EventPtr at_1002 = expiring(3, 1002);
    const EventPtr list = expiring(4, 1002, 30000);
    {
        const auto store = store::open_embedded_store(embedded());
        ASSERT_TRUE(put_stored(*store, {plain, at_1001, at_1002, list}));
        EXPECT_EQ(store->stats().events, 4U);
        clock.advance(std::chrono::seconds(1));
        EXPECT_TRUE(eventually([&] { return store->stats().expired_removed == 1; }));
        EXPECT_EQ(query(*store, Filter{}), json_of({list, at_1002, plain}));
    }
    expect_whole();
    clock.advance(std::chrono::seconds(1));
    const auto store = store::open_embedded_store(embedded());
    EXPECT_TRUE(eventually([&] { return store->stats().expired_removed == 2; }));
    EXPECT_EQ(query(*store, Filter{}), json_of({plain}));
    // The place of an expired version stays taken for older ones (nips.md T40.03).
    EXPECT_EQ(put(*store, note(3, 30000, {{"d", "x"}})).status, PutStatus::superseded);
    EXPECT_EQ(put(*store, list).status, PutStatus::superseded);
    EXPECT_TRUE(put_stored(*store, {note(3, 30000, {{"d", "y"}}), note(5, 30000, {{"d", "x"}})}));
}

TEST_F(DeletionRecoveryTest, ManyExpireInStepsAndOthersStay) {
    const auto store = store::open_embedded_store(embedded());
    std::vector<EventPtr> events;
    for (int i = 0; i < 1000; ++i) events.push_back(expiring(i, i % 2 == 0 ? 1500 : 2500));
    ASSERT_TRUE(put_stored(*store, events));

    clock.advance(std::chrono::seconds(600));

    EXPECT_TRUE(eventually([&] { return store->stats().events == 500; }));
    EXPECT_EQ(store->stats().expired_removed, 500U);
    EXPECT_EQ(query(*store, Filter{}).size(), 500U);
}

// An event that expires may be deleted or replaced before.
TEST_F(DeletionRecoveryTest, WhatIsGoneBeforeItExpiresLeavesNothing) {
    const EventPtr deleted = expiring(1, 1500);
    const EventPtr replaced = expiring(2, 1500, 30000);
    const EventPtr newer = expiring(3, 9000, 30000);
    const EventPtr deletion = deletion_of(deleted, 4);
    {
        const auto store = store::open_embedded_store(embedded());
        ASSERT_TRUE(put_stored(*store, {deleted, replaced}));
        ASSERT_TRUE(eventually([&] { return store->stats().unindexed_events == 0; }));
        ASSERT_TRUE(put_stored(*store, {deletion, newer}));
        ASSERT_TRUE(eventually([&] { return store->stats().unindexed_events == 0; }));
    }
    expect_whole();
    clock.advance(std::chrono::seconds(1000));
    const auto store = store::open_embedded_store(embedded());
    ASSERT_TRUE(put_stored(*store, {expiring(5, 1600)}));
    EXPECT_TRUE(eventually([&] { return store->stats().expired_removed == 1; }));
    EXPECT_EQ(query(*store, Filter{}), json_of({deletion, newer}));
}

// What the rules of retention say is done in the background, and tombstones and deletions stay.
TEST_F(DeletionRecoveryTest, RulesOfRetentionAreApplied) {
    EmbeddedOptions strict = embedded();
    strict.retention = {*store::parse_retention_rule("per_author=10"),
                        *store::parse_retention_rule("kinds=7 hours=1")};
    strict.retention_interval = std::chrono::seconds(0);
    clock.advance(std::chrono::hours(10));
    const std::int64_t now = clock.unix_seconds();
    std::vector<EventPtr> events;
    for (int i = 0; i < 600; ++i) events.push_back(note(i, 1, {}, i % 2 == 0 ? "alice" : "bob"));
    for (int i = 0; i < 20; ++i) events.push_back(deletion_of(events[0], 1000 + i));
    const EventPtr old_reaction = note(now - 3601, 7);
    const EventPtr new_reaction = note(now - 3500, 7);
    events.push_back(old_reaction);
    events.push_back(new_reaction);
    {
        const auto store = store::open_embedded_store(strict);
        ASSERT_TRUE(put_stored(*store, events));

        EXPECT_TRUE(eventually([&] { return store->stats().events == 41; }));
        EXPECT_EQ(query(*store, kinds_filter({1})).size(), 20U);
        EXPECT_EQ(query(*store, kinds_filter({5})).size(), 20U);
        EXPECT_EQ(query(*store, kinds_filter({7})), json_of({new_reaction}));
        EXPECT_EQ(store->stats().retention_removed, 580U);
        EXPECT_EQ(store->stats().tombstones, 1U);
        expect_refused(put(*store, events[0]), Errc::deleted);
        // A pass comes after the other.
        clock.advance(std::chrono::seconds(200));
        EXPECT_TRUE(eventually([&] { return store->stats().retention_removed == 581; }));
    }
    expect_whole();
}

}  // namespace
}  // namespace parrhesia::test
