// The formats of the journal: what the newest says of an event, what an older one still gives.
#include "store/journal/format.hpp"
#include "store/journal/journal.hpp"
#include "store/lmdb_testing.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

namespace journal = store::journal;
using store::SequencedEvent;

constexpr journal::Epoch kEpoch{'e', 'p', 'o', 'c', 'h'};
constexpr std::uint64_t kNonce = 42;

void write_file(const std::filesystem::path& folder, std::uint16_t version,
                const journal::Blocks& batch) {
    journal::FileHeader header;
    header.epoch = kEpoch;
    header.first_seq = 1;
    header.nonce = kNonce;
    header.version = version;
    const journal::Blocks head = journal::encode_header(header);
    std::ofstream out(folder / journal::file_name(1), std::ios::binary);
    out.write(head.data(), static_cast<std::streamsize>(head.size()));
    out.write(batch.data(), static_cast<std::streamsize>(batch.size()));
}

template <class Number>
void append(journal::Blocks& bytes, Number number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

TEST(JournalFormatTest, KeepsWhatEventsDoToOthers) {
    const TemporaryFolder folder;
    const std::vector<SequencedEvent> events{
        {note(1), 1, 0},
        {note(2, 5), 2, 0, std::make_shared<const std::vector<std::uint64_t>>(3, 77), false},
        {note(3, 0), 3, 9},
        {note(4, 62), 4, 0, nullptr, true}};
    journal::Journal journal(folder.path(), kEpoch, 64 << 10);
    ASSERT_EQ(journal.append(events, 0), 0);

    const auto found = journal::read(folder.path(), kEpoch, 1);

    ASSERT_EQ(found.size(), events.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
        EXPECT_EQ(found[i].seq, events[i].seq);
        EXPECT_EQ(found[i].replaces, events[i].replaces);
        EXPECT_EQ(found[i].vanishes, events[i].vanishes);
        ASSERT_EQ(found[i].removes != nullptr, events[i].removes != nullptr);
        if (found[i].removes) {
            EXPECT_EQ(*found[i].removes, *events[i].removes);
        }
        EXPECT_EQ(found[i].event->view().record(), events[i].event->view().record());
    }
}

TEST(JournalFormatTest, ReadsTheFirstFormat) {
    const TemporaryFolder folder;
    const EventPtr first = note(1);
    const EventPtr second = note(2, 0);
    journal::Blocks batch(24, '\0');
    for (const auto& [event, replaces] : {std::pair{first, 0}, std::pair{second, 7}}) {
        append(batch, static_cast<std::uint64_t>(replaces));
        append(batch, static_cast<std::uint32_t>(event->view().record().size()));
        batch.append(event->view().record());
    }
    batch[8] = 1;   // the first seq
    batch[16] = 2;  // the number of events
    const auto size = static_cast<std::uint32_t>(batch.size() - 24);
    std::memcpy(batch.data() + 20, &size, sizeof size);
    batch.resize(journal::whole_blocks(batch.size()));
    journal::seal_batch(batch, kNonce);
    write_file(folder.path(), 1, batch);

    const auto found = journal::read(folder.path(), kEpoch, 1);

    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].event->view().record(), first->view().record());
    EXPECT_EQ(found[1].event->view().record(), second->view().record());
    EXPECT_EQ(found[1].replaces, 7U);
    EXPECT_FALSE(found[1].acts());
}

TEST(JournalFormatTest, ANewerFormatIsRefusedWithTheRemedy) {
    const TemporaryFolder folder;
    write_file(folder.path(), journal::kFormatVersion + 1, journal::Blocks(4096, '\0'));

    const std::string text = refusal_of([&] { (void)journal::read(folder.path(), kEpoch, 1); });

    EXPECT_NE(text.find("newer format"), std::string::npos) << text;
    EXPECT_NE(text.find("release"), std::string::npos) << text;
}

}  // namespace
}  // namespace parrhesia::test
