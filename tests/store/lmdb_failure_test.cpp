// The embedded store when the disk, the map or the file fails under it.
#include "store/lmdb/check.hpp"
#include "store/lmdb/store.hpp"
#include "store/lmdb/transaction.hpp"
#include "store/lmdb_testing.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <csignal>
#include <set>
#include <thread>

namespace parrhesia::test {
namespace {

using store::lmdb::Environment;
using store::lmdb::Index;
using store::lmdb::LmdbStore;
using store::lmdb::Transaction;
using LmdbFailureTest = LmdbTest;

[[nodiscard]] std::vector<EventPtr> heavy_notes(int count, std::size_t bytes = 3000) {
    std::vector<EventPtr> result;
    for (int i = 0; i < count; ++i) {
        result.push_back(note(1000 + i, 1, {{"r", std::string(bytes, 'x')}}));
    }
    return result;
}

TEST_F(LmdbFailureTest, TheMapGrowsUnderRunningScans) {
    LmdbOptions small = options();
    small.initial_map_bytes = 1;  // the least there is
    LmdbStore store(small);
    ASSERT_EQ(put(store, note(1)).status, PutStatus::stored);
    std::atomic<bool> writing{true};
    std::atomic<int> wrong{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&] {
            do {
                const auto scan = store.scan({Filter{}});
                ScanPage page;
                ScanBudget budget;
                budget.max_rows = 7;
                std::size_t rows = 0;
                do {
                    if (scan->next(budget, page)) ++wrong;
                    rows += page.rows.size();
                } while (!page.done);
                if (rows != scan->mark().seq()) ++wrong;
            } while (writing);
        });
    }

    std::size_t stored = 1;
    for (int round = 0; round < 20; ++round) {
        for (const PutResult& result : put_all(store, heavy_notes(50))) {
            stored += result.status == PutStatus::stored ? 1 : 0;
        }
    }
    writing = false;
    for (std::thread& reader : readers) reader.join();

    EXPECT_EQ(stored, 1001U);
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(store.stats().events, stored);
    EXPECT_EQ(store::lmdb::check(store.environment()).problem_count, 0U);
}

TEST_F(LmdbFailureTest, ADiskThatIsFullRefusesAndRecovers) {
    (void)open();
    const int status = in_child([&] {
        // A write beyond the limit fails with EFBIG, as one to a full disk does with ENOSPC.
        ::signal(SIGXFSZ, SIG_IGN);
        const auto store = open();
        rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        const rlim_t all = limit.rlim_cur;
        limit.rlim_cur = 600'000;
        if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;

        std::size_t stored = 0;
        std::vector<EventPtr> refused;
        for (int round = 0; round < 30; ++round) {
            const auto events = heavy_notes(20);
            const auto results = store->put(events);
            for (std::size_t i = 0; i < events.size(); ++i) {
                if (results[i].status == PutStatus::stored) {
                    ++stored;
                } else if (results[i].error == base::error_code(Errc::store_not_writable)) {
                    refused.push_back(events[i]);
                } else {
                    return 1;
                }
            }
        }
        if (stored == 0 || refused.empty()) return 2;
        if (store->writable() != base::error_code(Errc::store_not_writable)) return 3;
        if (query(*store, Filter{}).size() != stored) return 4;  // reads go on

        limit.rlim_cur = all;
        if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
        for (const PutResult& result : put_all(*store, refused)) {
            if (result.status != PutStatus::stored) return 5;
        }
        if (store->writable()) return 6;
        if (query(*store, Filter{}).size() != stored + refused.size()) return 7;
        return 0;
    });
    EXPECT_EQ(status, 0);
    expect_whole();
}

// Replaces the descriptor by which LMDB writes its meta pages (the one with O_DSYNC) by one on a
// device that is always full.
[[nodiscard]] bool break_meta_descriptor(const std::filesystem::path& data_file) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code error;
        if (std::filesystem::read_symlink(entry.path(), error) != data_file) continue;
        const int descriptor = std::stoi(entry.path().filename().string());
        if ((::fcntl(descriptor, F_GETFL) & O_DSYNC) == 0) continue;
        const int full = ::open("/dev/full", O_WRONLY);
        const bool done = full >= 0 && ::dup2(full, descriptor) == descriptor;
        ::close(full);
        return done;
    }
    return false;
}

// After a failed write of the meta page LMDB answers MDB_PANIC to everything until it is reopened.
TEST_F(LmdbFailureTest, AFailedMetaWriteFailsTheBatchAndTheStoreReopensItself) {
    LmdbStore store(options());
    const EventPtr before = note(1);
    const EventPtr lost = note(2);
    const EventPtr after = note(3);
    ASSERT_EQ(put(store, before).status, PutStatus::stored);
    std::atomic<bool> going{true};
    std::atomic<int> wrong{0};
    std::thread reader([&] {
        do {
            const auto scan = store.scan({Filter{}});
            ScanPage page;
            if (scan->next({}, page)) ++wrong;
            if (page.rows.empty() || page.rows.size() > 2) ++wrong;
        } while (going);
    });
    ASSERT_TRUE(break_meta_descriptor(std::filesystem::canonical(data_file())));

    const PutResult failed = put(store, lost);

    EXPECT_EQ(failed.status, PutStatus::failed);
    EXPECT_EQ(failed.error, base::error_code(Errc::store_not_writable));
    EXPECT_EQ(query(store, Filter{}), json_of({before}));
    EXPECT_EQ(put(store, after).status, PutStatus::stored);
    EXPECT_FALSE(store.writable());
    going = false;
    reader.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(query(store, Filter{}), json_of({after, before}));
    EXPECT_EQ(store::lmdb::check(store.environment()).problem_count, 0U);
}

// Changes the store behind its back.
template <class Change>
void tamper(LmdbStore& store, Change&& change) {
    Transaction txn(store.environment());
    ASSERT_EQ(txn.begin(Transaction::Mode::write), 0);
    change(txn);
    ASSERT_EQ(txn.commit(), 0);
}

[[nodiscard]] std::string seq_key(std::uint64_t seq) {
    std::string key(8, '\0');
    store::write_u64(key.data(), seq);
    return key;
}

[[nodiscard]] base::error_code error_of(EventStore& store, const Filter& filter) {
    const auto scan = store.scan({filter});
    ScanPage page;
    const auto error = scan->next({}, page);
    EXPECT_TRUE(!error || page.rows.empty());
    return error;
}

TEST_F(LmdbFailureTest, DamageEndsTheQueriesThatMeetItAndNoOthers) {
    LmdbStore store(options());
    const EventPtr damaged = note(1, 1);
    const EventPtr whole = note(2, 2);
    ASSERT_EQ(put_all(store, {damaged, whole}).size(), 2U);
    tamper(store, [](Transaction& txn) {
        ASSERT_EQ(txn.put(txn.environment().events(), seq_key(1), "no record", 0), 0);
    });
    Filter by_id;
    by_id.ids = {damaged->id()};

    EXPECT_EQ(error_of(store, Filter{}), base::error_code(Errc::store_damaged));
    EXPECT_EQ(error_of(store, by_id), base::error_code(Errc::store_damaged));
    EXPECT_EQ(query(store, kinds_filter({2})), json_of({whole}));
    EXPECT_EQ(put(store, note(3)).status, PutStatus::stored);
    const auto check = store::lmdb::check(store.environment());
    EXPECT_GT(check.problem_count, 0U);
}

TEST_F(LmdbFailureTest, AnIndexEntryWithoutItsEventIsDamage) {
    LmdbStore store(options());
    ASSERT_EQ(put(store, note(1)).status, PutStatus::stored);
    tamper(store, [](Transaction& txn) {
        ASSERT_EQ(txn.remove(txn.environment().events(), seq_key(1)), 0);
    });

    EXPECT_EQ(error_of(store, kinds_filter({1})), base::error_code(Errc::store_damaged));
    const auto check = store::lmdb::check(store.environment());
    ASSERT_GT(check.problem_count, 0U);
    EXPECT_NE(check.problems[1].find("leads to event 1"), std::string::npos) << check.problems[1];
}

TEST_F(LmdbFailureTest, TheCheckFindsEntriesThatAreMissingOrTooMany) {
    LmdbStore store(options());
    const EventPtr event = note(1, 30000, {{"t", "x"}, {"d", "y"}});
    ASSERT_EQ(put(store, event).status, PutStatus::stored);
    ASSERT_EQ(store::lmdb::check(store.environment()).problem_count, 0U);
    std::vector<std::pair<Index, std::string>> entries;
    store::lmdb::for_each_entry(event->view(), [&](Index index, std::string_view key) {
        entries.emplace_back(index, key);
    });
    ASSERT_EQ(entries.size(), 8U);
    for (const auto& [index, key] : entries) {
        const Index at = index;
        const std::string entry = key;
        std::string value;
        tamper(store, [&](Transaction& txn) {
            std::string_view found;
            ASSERT_EQ(txn.get(txn.environment().index(at), entry, found), 0);
            value = found;
            ASSERT_EQ(txn.remove(txn.environment().index(at), entry), 0);
        });
        EXPECT_GT(store::lmdb::check(store.environment()).problem_count, 0U);
        tamper(store, [&](Transaction& txn) {
            ASSERT_EQ(txn.put(txn.environment().index(at), entry, value, 0), 0);
            ASSERT_EQ(txn.put(txn.environment().index(at), entry + "x", value, 0), 0);
        });
        EXPECT_GT(store::lmdb::check(store.environment()).problem_count, 0U);
        tamper(store, [&](Transaction& txn) {
            ASSERT_EQ(txn.remove(txn.environment().index(at), entry + "x"), 0);
        });
    }
    EXPECT_EQ(store::lmdb::check(store.environment()).problem_count, 0U);
}

// The readers' table of a store that many processes have left without a word fills up; it is
// cleared.
TEST_F(LmdbFailureTest, DeadReadersMakeRoom) {
    LmdbOptions few = options();
    few.max_readers = 2;
    LmdbStore store(few);
    ASSERT_EQ(put(store, note(1)).status, PutStatus::stored);
    for (int i = 0; i < 4; ++i) {
        const int status = in_child([&]() -> int {
            LmdbOptions only_reading = read_only();
            only_reading.max_readers = 2;
            Environment environment(only_reading);
            Transaction txn(environment);
            const int code = txn.begin(Transaction::Mode::read);
            ::_exit(code == 0 ? 0 : 1);  // holding its place
        });
        ASSERT_EQ(status, 0) << i;
    }
    EXPECT_EQ(query(store, Filter{}).size(), 1U);
}

}  // namespace
}  // namespace parrhesia::test
