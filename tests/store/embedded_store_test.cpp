// The embedded store where its parts meet: crashes between the journal and the indexes, queries
// across both, readers beside it, disks that fail.
#include "parrhesia/store/embedded_store.hpp"

#include "store/journal/journal.hpp"
#include "store/lmdb_testing.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

using store::EmbeddedOptions;

class EmbeddedStoreTest : public LmdbTest {
  protected:
    [[nodiscard]] EmbeddedOptions embedded() const {
        EmbeddedOptions result;
        result.lmdb = options();
        result.journal_file_bytes = 64 << 10;
        return result;
    }
    [[nodiscard]] EmbeddedOptions never_indexed() const {
        EmbeddedOptions result = embedded();
        result.index_delay = std::chrono::hours(1);
        result.index_batch_events = std::numeric_limits<std::size_t>::max();
        result.index_batch_bytes = std::numeric_limits<std::size_t>::max();
        return result;
    }
    // What a process has left that put `events` and was killed with all of them in the journal
    // only.
    void leave_in_journal(const std::vector<std::vector<EventPtr>>& batches) const {
        const int status = in_child([&] {
            const auto store = store::open_embedded_store(never_indexed());
            for (const auto& batch : batches) {
                for (const PutResult& result : store->put(batch)) {
                    if (result.status == PutStatus::failed) return 1;
                }
            }
            ::_exit(0);
        });
        ASSERT_EQ(status, 0);
    }
    [[nodiscard]] std::size_t journal_files() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(path())) {
            count += entry.path().filename().string().starts_with("journal.") ? 1U : 0U;
        }
        return count;
    }
};

TEST_F(EmbeddedStoreTest, WhatOnlyTheJournalHasIsThereAfterACrash) {
    const EventPtr first = note(1);
    const EventPtr old_profile = note(2, 0);
    const EventPtr new_profile = note(3, 0);
    const EventPtr last = note(4);
    leave_in_journal({{first, old_profile}, {new_profile}, {last}});
    ASSERT_GT(journal_files(), 0U);

    {
        const auto store = store::open_embedded_store(never_indexed());
        EXPECT_EQ(query(*store, Filter{}), json_of({last, new_profile, first}));
        EXPECT_EQ(store->stats().events, 3U);
        EXPECT_EQ(store->stats().last_seq, 4U);
        EXPECT_EQ(put(*store, first).status, PutStatus::duplicate);
        EXPECT_EQ(put(*store, old_profile).status, PutStatus::superseded);
        EXPECT_EQ(put(*store, note(5)).position.seq, 5U);
    }
    EXPECT_EQ(journal_files(), 0U);
    expect_whole();
}

// The indexes' transaction and the end of the journal's file are two moments: whatever part of the
// journal the indexes have, the rest is put in once.
TEST_F(EmbeddedStoreTest, RecoveryGoesOnWhereTheIndexesEnd) {
    std::vector<EventPtr> events;
    for (int i = 0; i < 50; ++i) events.push_back(note(i, i % 5 == 0 ? 0 : 1));
    leave_in_journal({events});
    std::vector<std::pair<std::filesystem::path, std::string>> kept;
    for (const auto& entry : std::filesystem::directory_iterator(path())) {
        if (!entry.path().filename().string().starts_with("journal.")) continue;
        std::ifstream in(entry.path(), std::ios::binary);
        kept.emplace_back(entry.path(), std::string(std::istreambuf_iterator<char>(in), {}));
    }
    const auto expected = query(*store::open_embedded_store(embedded()), Filter{});
    ASSERT_EQ(expected.size(), 41U);

    // The journal is there again, as if the crash had come before it was removed.
    for (const auto& [file, bytes] : kept) std::ofstream(file, std::ios::binary) << bytes;

    const auto store = store::open_embedded_store(embedded());
    EXPECT_EQ(query(*store, Filter{}), expected);
    EXPECT_EQ(store->stats().last_seq, 50U);
}

TEST_F(EmbeddedStoreTest, EveryAcknowledgedEventSurvivesAKillAtAnyPoint) {
    constexpr unsigned kRounds = 15;
    std::set<std::string> acknowledged;
    EmbeddedOptions busy = embedded();
    busy.lmdb.initial_map_bytes = 1;
    busy.index_delay = std::chrono::milliseconds(0);
    busy.index_batch_events = 7;
    for (unsigned round = 0; round < kRounds; ++round) {
        std::array<int, 2> report{};
        ASSERT_EQ(::pipe(report.data()), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(report[0]);
            const auto store = store::open_embedded_store(busy);
            EventGenerator generator(1000 + round);
            for (;;) {
                std::vector<EventPtr> batch;
                for (auto count = 1 + generator.below(12); count > 0; --count) {
                    batch.push_back(storable_event(generator));
                }
                const auto results = store->put(batch);
                std::string ids;
                for (std::size_t i = 0; i < batch.size(); ++i) {
                    if (results[i].status == PutStatus::failed) ::_exit(1);
                    const bool regular =
                        event::class_of(batch[i]->kind()) == event::KindClass::regular;
                    if (results[i].status == PutStatus::stored && regular) {
                        ids.append(batch[i]->id().view());
                    }
                }
                if (!ids.empty() && ::write(report[1], ids.data(), ids.size()) < 0) ::_exit(2);
            }
        }
        ::close(report[1]);
        const std::size_t enough = 32 * (1 + 13 * (round % 9));
        std::string ids;
        std::array<char, 4096> buffer{};
        bool killed = false;
        for (;;) {
            const ssize_t size = ::read(report[0], buffer.data(), buffer.size());
            if (size <= 0) break;
            ids.append(buffer.data(), static_cast<std::size_t>(size));
            if (!killed && ids.size() >= enough) {
                killed = true;
                ASSERT_EQ(::kill(child, SIGKILL), 0);
            }
        }
        ::close(report[0]);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
        for (std::size_t at = 0; at + 32 <= ids.size(); at += 32) {
            acknowledged.insert(ids.substr(at, 32));
        }
        std::set<std::string> present;
        {
            const auto store = store::open_embedded_store(busy);
            const auto scan = store->scan({Filter{}});
            ScanPage page;
            do {
                ASSERT_FALSE(scan->next({}, page));
                for (const auto& row : page.rows) present.emplace(row.id.view());
            } while (!page.done);
        }
        for (const std::string& id : acknowledged) ASSERT_TRUE(present.contains(id));
        expect_whole();
    }
    EXPECT_GE(acknowledged.size(), kRounds);
}

// An event is in the journal, then in both, then in the indexes: a scan has it once, whenever its
// slices run.
TEST_F(EmbeddedStoreTest, ScansInSlicesSeeEachEventOnceWhileTheIndexerWorks) {
    EmbeddedOptions busy = embedded();
    busy.index_delay = std::chrono::milliseconds(0);
    busy.index_batch_events = 5;
    const auto store = store::open_embedded_store(busy);
    std::atomic<bool> writing{true};
    std::atomic<int> wrong{0};
    std::atomic<int> scans{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&] {
            while (writing) {
                const auto scan = store->scan({kinds_filter({1}), Filter{}});
                ScanPage page;
                ScanBudget budget;
                budget.max_rows = 7;
                std::set<Id> ids;
                std::int64_t last = std::numeric_limits<std::int64_t>::max();
                do {
                    if (scan->next(budget, page)) ++wrong;
                    for (const auto& row : page.rows) {
                        if (!ids.insert(row.id).second || row.created_at > last) ++wrong;
                        last = row.created_at;
                    }
                } while (!page.done);
                if (ids.size() != scan->mark().seq()) ++wrong;
                ++scans;
            }
        });
    }
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(put(*store, note(i % 17, i % 2 == 0 ? 1 : 7)).status, PutStatus::stored);
    }
    while (scans < 4) std::this_thread::yield();
    writing = false;
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(store->stats().events, 1000U);
}

// Whichever side of the indexes the old and the new version are on.
TEST_F(EmbeddedStoreTest, AReplacedEventIsHiddenWhereverItStands) {
    const EventPtr first = note(1, 10002, {{"t", "one"}});
    const EventPtr second = note(2, 10002, {{"t", "two"}});
    const EventPtr third = note(3, 10002, {{"t", "three"}});
    Filter by_first_id;
    by_first_id.ids = {first->id()};
    (void)put(*store::open_embedded_store(embedded()), first);  // indexed when it closes

    {
        const auto store = store::open_embedded_store(never_indexed());
        for (const auto& [event, tag] : {std::pair{second, "two"}, std::pair{third, "three"}}) {
            ASSERT_EQ(put(*store, event).status, PutStatus::stored);
            EXPECT_EQ(query(*store, Filter{}), json_of({event}));
            EXPECT_EQ(query(*store, tag_filter('t', {"one", "two", "three"})), json_of({event}));
            EXPECT_EQ(query(*store, tag_filter('t', {tag})), json_of({event}));
            EXPECT_TRUE(query(*store, by_first_id).empty());
            EXPECT_EQ(store->stats().events, 1U);
        }
        EXPECT_EQ(put(*store, first).status, PutStatus::superseded);
        EXPECT_EQ(put(*store, third).status, PutStatus::duplicate);
    }
    EXPECT_EQ(query(*store::open_embedded_store(embedded()), Filter{}), json_of({third}));
    expect_whole();
}

TEST_F(EmbeddedStoreTest, AScanKeepsWhatItsFirstSliceSaw) {
    const auto store = store::open_embedded_store(never_indexed());
    std::vector<EventPtr> events;
    for (int i = 0; i < 20; ++i) events.push_back(note(100 - i));
    ASSERT_EQ(put_all(*store, events).size(), 20U);
    const auto scan = store->scan({Filter{}});
    ScanBudget budget;
    budget.max_rows = 3;

    const auto found = read_all(
        *scan, budget, [&] { ASSERT_EQ(put(*store, note(50)).status, PutStatus::stored); });

    EXPECT_EQ(found, json_of(events));
    EXPECT_EQ(scan->mark().seq(), 20U);
}

TEST_F(EmbeddedStoreTest, AReaderBesideAWriterSeesWhatIsAcknowledged) {
    std::array<int, 2> report{};
    std::array<int, 2> command{};
    ASSERT_EQ(::pipe(report.data()), 0);
    ASSERT_EQ(::pipe(command.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(command[1]);
        ::close(report[0]);
        EmbeddedOptions busy = embedded();
        busy.index_delay = std::chrono::milliseconds(0);
        busy.index_batch_events = 50;
        const auto store = store::open_embedded_store(busy);
        char byte = 0;
        // One put for each count that the reader asks for.
        while (::read(command[0], &byte, 1) == 1) {
            std::vector<EventPtr> batch;
            for (int i = 0; i < byte; ++i)
                batch.push_back(note(i, 1, {{"r", std::string(900, 'x')}}));
            for (const PutResult& result : store->put(batch)) {
                if (result.status != PutStatus::stored) ::_exit(1);
            }
            if (::write(report[1], &byte, 1) != 1) ::_exit(2);
        }
        ::_exit(0);
    }
    ::close(command[0]);
    ::close(report[1]);
    EmbeddedOptions looking = embedded();
    looking.lmdb.read_only = true;
    std::size_t written = 0;
    for (int round = 0; round < 100; ++round) {
        const char count = static_cast<char>(1 + round % 20);
        ASSERT_EQ(::write(command[1], &count, 1), 1);
        char byte = 0;
        ASSERT_EQ(::read(report[0], &byte, 1), 1);
        written += static_cast<std::size_t>(count);
        const auto store = store::open_embedded_store(looking);
        ASSERT_EQ(query(*store, Filter{}).size(), written);
        ASSERT_EQ(store->stats().events, written);
        ASSERT_TRUE(store->writable());
    }
    ::close(command[1]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ::close(report[0]);
}

// While the indexes cannot be written, the journal does not fill what is left of the disk.
TEST_F(EmbeddedStoreTest, AFullDiskRefusesAndNothingAcknowledgedIsLost) {
    const int status = in_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        EmbeddedOptions busy = embedded();
        busy.index_delay = std::chrono::milliseconds(0);
        busy.index_batch_events = 20;
        std::vector<EventPtr> stored;
        std::vector<EventPtr> refused;
        {
            const auto store = store::open_embedded_store(busy);
            rlimit limit{};
            ::getrlimit(RLIMIT_FSIZE, &limit);
            const rlim_t all = limit.rlim_cur;
            limit.rlim_cur = 400'000;
            if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
            for (int i = 0; i < 400; ++i) {
                const EventPtr event = note(i, 1, {{"r", std::string(3000, 'x')}});
                const PutResult result = put(*store, event);
                if (result.status == PutStatus::stored) {
                    stored.push_back(event);
                } else if (result.error == base::error_code(Errc::store_not_writable)) {
                    refused.push_back(event);
                } else {
                    return 1;
                }
            }
            if (stored.empty() || refused.empty()) return 2;
            if (store->writable() != base::error_code(Errc::store_not_writable)) return 3;
            if (query(*store, Filter{}).size() != stored.size()) return 4;

            limit.rlim_cur = all;
            if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
            for (const EventPtr& event : refused) {
                if (put(*store, event).status != PutStatus::stored) return 5;
                stored.push_back(event);
            }
            if (store->writable()) return 6;
        }
        const auto again = store::open_embedded_store(busy);
        return query(*again, Filter{}).size() == stored.size() ? 0 : 7;
    });
    EXPECT_EQ(status, 0);
    expect_whole();
}

TEST_F(EmbeddedStoreTest, AJournalThatDoesNotBelongHereStopsTheStart) {
    leave_in_journal({{note(1)}});
    std::filesystem::remove(data_file());

    const std::string text = refusal_of([&] { (void)store::open_embedded_store(embedded()); });

    EXPECT_NE(text.find("journal."), std::string::npos) << text;
    EXPECT_NE(text.find("another store"), std::string::npos) << text;
}

}  // namespace
}  // namespace parrhesia::test
