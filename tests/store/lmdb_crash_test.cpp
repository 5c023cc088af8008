// kill -9 in the middle of writing: what was acknowledged is there, and nothing contradicts itself.
#include "store/lmdb_testing.hpp"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <set>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

using LmdbCrashTest = LmdbTest;

// Puts batches until it is killed and reports the id of every regular event that was acknowledged;
// events that may be replaced are in the batches, too, so that deletions are interrupted as well.
[[noreturn]] void write_until_killed(const LmdbOptions& options, unsigned seed, int report) {
    const auto store = store::open_lmdb_store(options);
    EventGenerator generator(seed);
    for (;;) {
        std::vector<EventPtr> batch;
        for (auto count = 1 + generator.below(12); count > 0; --count) {
            batch.push_back(storable_event(generator));
        }
        const auto results = store->put(batch);
        std::string ids;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            if (results[i].status == PutStatus::failed) ::_exit(1);
            const bool regular = event::class_of(batch[i]->kind()) == event::KindClass::regular;
            if (results[i].status == PutStatus::stored && regular)
                ids.append(batch[i]->id().view());
        }
        if (!ids.empty() && ::write(report, ids.data(), ids.size()) < 0) ::_exit(2);
    }
}

TEST_F(LmdbCrashTest, EveryAcknowledgedEventSurvivesAKill) {
    constexpr unsigned kRounds = 25;
    std::set<std::string> acknowledged;
    std::uint64_t last_seq = 0;
    LmdbOptions small = options();
    small.initial_map_bytes = 1;  // growth is part of what is interrupted
    for (unsigned round = 0; round < kRounds; ++round) {
        std::array<int, 2> report{};
        ASSERT_EQ(::pipe(report.data()), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(report[0]);
            write_until_killed(small, round, report[1]);
        }
        ::close(report[1]);
        // Killed once it has acknowledged so many: at another point of its work each time.
        const std::size_t enough = 32 * (1 + round % 9);
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
        ASSERT_TRUE(WIFSIGNALED(status));
        // A write of a whole batch to a pipe is atomic.
        ASSERT_EQ(ids.size() % 32, 0U);
        for (std::size_t at = 0; at < ids.size(); at += 32) acknowledged.insert(ids.substr(at, 32));

        const auto store = store::open_lmdb_store(small);
        const auto stats = store->stats();
        EXPECT_GE(stats.last_seq, last_seq);
        last_seq = stats.last_seq;
        std::set<std::string> present;
        const auto scan = store->scan({Filter{}});
        ScanPage page;
        do {
            ASSERT_FALSE(scan->next({}, page));
            for (const auto& row : page.rows) present.emplace(row.id.view());
        } while (!page.done);
        for (const std::string& id : acknowledged) ASSERT_TRUE(present.contains(id));
    }
    EXPECT_GE(acknowledged.size(), kRounds);
    expect_whole();
}

}  // namespace
}  // namespace parrhesia::test
