// The journal alone: what it gives back after it was closed, cut short, damaged, or failed.
#include "store/journal/journal.hpp"

#include "store/lmdb_testing.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

namespace journal = store::journal;
using journal::Journal;
using store::SequencedEvent;

constexpr std::size_t kFileBytes = 64 << 10;

class JournalTest : public testing::Test {
  protected:
    [[nodiscard]] std::vector<SequencedEvent> events(std::size_t count, std::size_t bytes = 10) {
        std::vector<SequencedEvent> result;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t replaces = next_seq % 3 == 0 ? next_seq / 2 : 0;
            result.push_back(
                {note(static_cast<std::int64_t>(next_seq), 1, {{"r", std::string(bytes, 'x')}}),
                 next_seq, replaces});
            ++next_seq;
        }
        return result;
    }
    // Appends `count` events and remembers them.
    void append(Journal& to, std::size_t count, std::uint64_t indexed = 0, std::size_t bytes = 10) {
        const auto batch = events(count, bytes);
        ASSERT_EQ(to.append(batch, indexed), 0);
        written.insert(written.end(), batch.begin(), batch.end());
    }
    [[nodiscard]] std::vector<SequencedEvent> read(std::uint64_t from = 1) const {
        return journal::read(folder.path(), epoch, from);
    }
    [[nodiscard]] std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> result;
        for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
            result.push_back(entry.path());
        }
        std::sort(result.begin(), result.end());
        return result;
    }
    void expect_equal(const std::vector<SequencedEvent>& found,
                      const std::vector<SequencedEvent>& expected) const {
        ASSERT_EQ(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) {
            EXPECT_EQ(found[i].seq, expected[i].seq);
            EXPECT_EQ(found[i].replaces, expected[i].replaces);
            EXPECT_EQ(found[i].event->view().record(), expected[i].event->view().record());
        }
    }

    TemporaryFolder folder;
    const journal::Epoch epoch{'e', 'p', 'o', 'c', 'h'};
    std::uint64_t next_seq = 1;
    std::vector<SequencedEvent> written;
};

[[nodiscard]] std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
void write_file(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

TEST_F(JournalTest, GivesBackWhatWasAppendedInOrder) {
    Journal journal(folder.path(), epoch, kFileBytes);
    for (std::size_t i = 0; i < 20; ++i) append(journal, 1 + i % 7);

    expect_equal(read(), written);
    const std::vector<SequencedEvent> tail(written.begin() + 29, written.end());
    expect_equal(read(30), tail);
    EXPECT_TRUE(read(next_seq).empty());
}

TEST_F(JournalTest, AFolderWithoutAJournalHasNoEvents) { EXPECT_TRUE(read().empty()); }

TEST_F(JournalTest, ABatchLargerThanAFileIsWhole) {
    Journal journal(folder.path(), epoch, kFileBytes);
    append(journal, 2);
    append(journal, 5, 0, kFileBytes);
    append(journal, 2);

    expect_equal(read(), written);
}

TEST_F(JournalTest, FilesAreUsedAgainOnceIndexedAndNotBefore) {
    Journal journal(folder.path(), epoch, kFileBytes);
    for (int i = 0; i < 200; ++i) append(journal, 5, 0, 1000);
    const std::size_t most = files().size();
    ASSERT_GT(most, 10U);
    expect_equal(read(), written);

    for (int i = 0; i < 200; ++i) {
        const std::uint64_t indexed = next_seq - 1 - 20;
        append(journal, 5, indexed, 1000);
        const std::vector<SequencedEvent> tail(
            written.begin() + static_cast<std::ptrdiff_t>(indexed), written.end());
        expect_equal(read(indexed + 1), tail);
    }
    EXPECT_LE(files().size(), 4U);
}

// A crash can cut the last batch at any byte. None of its bytes may count, and all before must.
TEST_F(JournalTest, ABatchThatWasCutShortDoesNotCount) {
    {
        Journal journal(folder.path(), epoch, kFileBytes);
        append(journal, 3);
        append(journal, 1);
    }
    const auto path = files().front();
    const std::string whole = bytes_of(path);
    const std::vector<SequencedEvent> first(written.begin(), written.begin() + 3);
    journal::Blocks batch;
    journal::encode_batch(std::span(written).first(3), batch);
    const std::size_t begin = journal::kBatchesAt + batch.size();
    journal::encode_batch(std::span(written).subspan(3), batch);
    const std::size_t end = begin + batch.size();
    ASSERT_LT(end, whole.size());
    for (std::size_t cut = begin; cut < end; ++cut) {
        if (whole[cut] == '\0') continue;  // cutting there changes nothing
        std::string torn = whole;
        std::fill(torn.begin() + static_cast<std::ptrdiff_t>(cut), torn.end(), '\0');
        write_file(path, torn);
        expect_equal(read(), first);
        write_file(path, whole.substr(0, cut));
        expect_equal(read(), first);
    }
    write_file(path, whole);
    expect_equal(read(), written);
}

// What a file held in its earlier use must not follow what it holds now, even if its seqs would.
TEST_F(JournalTest, BatchesOfAnEarlierUseNeverCount) {
    const auto both = events(2);
    const std::span<const SequencedEvent> first(both.data(), 1);
    {
        Journal journal(folder.path(), epoch, kFileBytes);
        ASSERT_EQ(journal.append(first, 0), 0);
        ASSERT_EQ(journal.append(std::span(both).subspan(1), 0), 0);
    }
    ASSERT_EQ(read().size(), 2U);
    const std::string earlier = bytes_of(files().front());
    std::filesystem::remove(files().front());
    {
        Journal journal(folder.path(), epoch, kFileBytes);
        ASSERT_EQ(journal.append(first, 0), 0);
    }
    journal::Blocks batch;
    journal::encode_batch(first, batch);
    const std::size_t end = journal::kBatchesAt + batch.size();
    write_file(files().front(), bytes_of(files().front()).substr(0, end) + earlier.substr(end));

    expect_equal(read(), {both.front()});
}

TEST_F(JournalTest, DamageInTheMiddleIsRefusedUnlessItIsIndexed) {
    {
        Journal journal(folder.path(), epoch, kFileBytes);
        for (int i = 0; i < 100; ++i) append(journal, 2, 0, 1000);
    }
    ASSERT_GT(files().size(), 2U);
    std::string bytes = bytes_of(files()[1]);
    bytes[journal::kBatchesAt + 100] ^= 1;
    write_file(files()[1], bytes);
    const auto second = journal::first_seq_of(files()[1].filename().string());
    const auto third = journal::first_seq_of(files()[2].filename().string());
    ASSERT_TRUE(second && third);

    const std::string text = refusal_of([&] { (void)read(); });
    EXPECT_NE(text.find(files()[2].string()), std::string::npos) << text;
    EXPECT_NE(
        text.find("the events " + std::to_string(*second) + " to " + std::to_string(*third - 1)),
        std::string::npos)
        << text;
    EXPECT_EQ(read(*third).size(), written.size() - (*third - 1));
}

TEST_F(JournalTest, AMissingFileIsRefused) {
    {
        Journal journal(folder.path(), epoch, kFileBytes);
        for (int i = 0; i < 100; ++i) append(journal, 2, 0, 1000);
    }
    std::filesystem::remove(files().front());

    EXPECT_NE(refusal_of([&] { (void)read(); }).find("the events 1 to "), std::string::npos);
}

TEST_F(JournalTest, AFileThatIsNoJournalIsRefusedAndNamed) {
    {
        Journal journal(folder.path(), epoch, kFileBytes);
        append(journal, 1);
    }
    const std::string whole = bytes_of(files().front());
    for (const std::size_t at : {std::size_t{0}, std::size_t{20}, std::size_t{45}}) {
        std::string damaged = whole;
        damaged[at] ^= 1;
        write_file(files().front(), damaged);
        EXPECT_NE(refusal_of([&] { (void)read(); }).find(files().front().string()),
                  std::string::npos);
    }
    write_file(files().front(), "");
    EXPECT_NE(refusal_of([&] { (void)read(); }).find("not a journal"), std::string::npos);
}

TEST_F(JournalTest, AJournalOfAnotherStoreIsRefused) {
    {
        Journal journal(folder.path(), epoch, kFileBytes);
        append(journal, 1);
    }
    const journal::Epoch other{'o', 't', 'h', 'e', 'r'};

    const std::string text = refusal_of([&] { (void)journal::read(folder.path(), other, 1); });

    EXPECT_NE(text.find("another store"), std::string::npos) << text;
}

TEST_F(JournalTest, AfterAFailedWriteTheSameSeqsAreUsedAgain) {
    const int status = in_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        Journal journal(folder.path(), epoch, kFileBytes);
        append(journal, 3);
        rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        const rlim_t all = limit.rlim_cur;
        limit.rlim_cur = kFileBytes;  // a file may not become longer than its zeros
        if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
        const std::uint64_t before = next_seq;
        if (journal.append(events(2, 2 * kFileBytes), 0) == 0) return 1;
        next_seq = before;
        append(journal, 3);  // the disk is not full for small ones
        limit.rlim_cur = all;
        if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
        append(journal, 2, 0, 2 * kFileBytes);
        const auto found = read();
        if (found.size() != written.size()) return 2;
        for (std::size_t i = 0; i < found.size(); ++i) {
            if (found[i].event->id() != written[i].event->id()) return 3;
        }
        return 0;
    });
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace parrhesia::test
