#include "store/journal/format.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <utility>

namespace parrhesia::store::journal {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they are");

constexpr std::string_view kMagic = "parrhesia-jrnl\n";

constexpr std::size_t kVersionAt = 16;
constexpr std::size_t kEpochAt = 24;
constexpr std::size_t kFirstSeqAt = 40;
constexpr std::size_t kNonceAt = 48;
constexpr std::size_t kHeaderChecksumAt = 56;

constexpr std::size_t kBatchHeadBytes = 24;  // checksum, first seq, events, bytes behind the head
constexpr std::size_t kBatchSeqAt = 8;
constexpr std::size_t kBatchCountAt = 16;
constexpr std::size_t kBatchSizeAt = 20;
// Of an event: the seq it replaces (8), the size of its record (4); since version 2 also how many
// events it removes (4), whether it is a request to vanish that is honoured (1), and their seqs.
constexpr std::size_t kEventHeadBytes = 12;
constexpr std::size_t kEffectsBytes = 5;

template <class Number>
[[nodiscard]] Number load(std::string_view bytes, std::size_t at) noexcept {
    Number result;
    std::memcpy(&result, bytes.data() + at, sizeof result);
    return result;
}

template <class Number>
void store(Blocks& bytes, std::size_t at, Number number) noexcept {
    std::memcpy(bytes.data() + at, &number, sizeof number);
}

template <class Number>
void append(Blocks& bytes, Number number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

[[nodiscard]] std::uint64_t checksum(std::string_view bytes, std::uint64_t seed) noexcept {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

// What the event does to others; false when the bytes are too few.
[[nodiscard]] bool decode_effects(std::string_view& bytes, SequencedEvent& event) {
    if (bytes.size() < kEffectsBytes) return false;
    const std::size_t count = load<std::uint32_t>(bytes, 0);
    event.vanishes = bytes[sizeof(std::uint32_t)] != 0;
    bytes.remove_prefix(kEffectsBytes);
    if (count > bytes.size() / sizeof(std::uint64_t)) return false;
    if (count == 0) return true;
    std::vector<std::uint64_t> removes(count);
    std::memcpy(removes.data(), bytes.data(), count * sizeof(std::uint64_t));
    bytes.remove_prefix(count * sizeof(std::uint64_t));
    event.removes = std::make_shared<const std::vector<std::uint64_t>>(std::move(removes));
    return true;
}

// One event; false when its bytes are none.
[[nodiscard]] bool decode_event(std::string_view& bytes, std::uint16_t version,
                                SequencedEvent& event) {
    if (bytes.size() < kEventHeadBytes) return false;
    event.replaces = load<std::uint64_t>(bytes, 0);
    const std::size_t size = load<std::uint32_t>(bytes, sizeof event.replaces);
    bytes.remove_prefix(kEventHeadBytes);
    if (version >= 2 && !decode_effects(bytes, event)) return false;
    if (size > bytes.size()) return false;
    const std::string_view record = bytes.substr(0, size);
    if (!event::EventView::from_record(record)) return false;
    // The signature stands in the JSON of the record; its decoded form has done its work.
    event.event = std::make_shared<const event::Event>(std::string(record), event::EventShape{},
                                                       event::Signature{});
    bytes.remove_prefix(size);
    return true;
}

}  // namespace

Blocks encode_header(const FileHeader& header) {
    Blocks bytes(kBlockBytes, '\0');
    kMagic.copy(bytes.data(), kMagic.size());
    store(bytes, kVersionAt, header.version);
    std::memcpy(bytes.data() + kEpochAt, header.epoch.data(), header.epoch.size());
    store(bytes, kFirstSeqAt, header.first_seq);
    store(bytes, kNonceAt, header.nonce);
    store(bytes, kHeaderChecksumAt, checksum({bytes.data(), kHeaderChecksumAt}, 0));
    return bytes;
}

HeaderState decode_header(std::string_view bytes, FileHeader& header) noexcept {
    if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic)) return HeaderState::invalid;
    if (load<std::uint64_t>(bytes, kHeaderChecksumAt) !=
        checksum(bytes.substr(0, kHeaderChecksumAt), 0)) {
        return HeaderState::invalid;
    }
    const auto version = load<std::uint16_t>(bytes, kVersionAt);
    if (version > kFormatVersion) return HeaderState::newer_format;
    if (version < kOldestFormatVersion) return HeaderState::invalid;
    header.version = version;
    std::memcpy(header.epoch.data(), bytes.data() + kEpochAt, header.epoch.size());
    header.first_seq = load<std::uint64_t>(bytes, kFirstSeqAt);
    header.nonce = load<std::uint64_t>(bytes, kNonceAt);
    return HeaderState::valid;
}

std::string file_name(std::uint64_t first_seq) {
    return fmt::format("{}{:020}", kNamePrefix, first_seq);
}

std::optional<std::uint64_t> first_seq_of(std::string_view file_name) noexcept {
    if (!file_name.starts_with(kNamePrefix)) return std::nullopt;
    file_name.remove_prefix(kNamePrefix.size());
    std::uint64_t seq = 0;
    const char* const end = file_name.data() + file_name.size();
    const auto [stop, error] = std::from_chars(file_name.data(), end, seq);
    if (error != std::errc() || stop != end) return std::nullopt;
    return seq;
}

void encode_batch(std::span<const SequencedEvent> events, Blocks& out) {
    out.assign(kBatchHeadBytes, '\0');
    for (const SequencedEvent& event : events) {
        const std::string_view record = event.event->view().record();
        append(out, event.replaces);
        append(out, static_cast<std::uint32_t>(record.size()));
        const std::size_t removed = event.removes ? event.removes->size() : 0;
        append(out, static_cast<std::uint32_t>(removed));
        append(out, static_cast<std::uint8_t>(event.vanishes));
        for (std::size_t i = 0; i < removed; ++i) append(out, (*event.removes)[i]);
        out.append(record);
    }
    store(out, kBatchSeqAt, events.front().seq);
    store(out, kBatchCountAt, static_cast<std::uint32_t>(events.size()));
    store(out, kBatchSizeAt, static_cast<std::uint32_t>(out.size() - kBatchHeadBytes));
    out.resize(whole_blocks(out.size()));
}

void seal_batch(Blocks& batch, std::uint64_t nonce) noexcept {
    const std::size_t size = load<std::uint32_t>(batch, kBatchSizeAt);
    const std::string_view covered =
        std::string_view(batch).substr(kBatchSeqAt, kBatchHeadBytes - kBatchSeqAt + size);
    store(batch, 0, checksum(covered, nonce));
}

bool decode_batch(std::string_view file, std::size_t& at, const FileHeader& header,
                  std::uint64_t expected, std::vector<SequencedEvent>& events) {
    if (at > file.size() || file.size() - at < kBatchHeadBytes) return false;
    const std::string_view head = file.substr(at, kBatchHeadBytes);
    const std::size_t size = load<std::uint32_t>(head, kBatchSizeAt);
    const std::uint32_t count = load<std::uint32_t>(head, kBatchCountAt);
    if (count == 0 || load<std::uint64_t>(head, kBatchSeqAt) != expected) return false;
    if (size > file.size() - at - kBatchHeadBytes) return false;
    const std::string_view batch = file.substr(at, kBatchHeadBytes + size);
    if (load<std::uint64_t>(batch, 0) != checksum(batch.substr(kBatchSeqAt), header.nonce))
        return false;

    std::vector<SequencedEvent> found(count);
    std::string_view rest = batch.substr(kBatchHeadBytes);
    for (std::uint32_t i = 0; i < count; ++i) {
        found[i].seq = expected + i;
        if (!decode_event(rest, header.version, found[i])) return false;
    }
    events.insert(events.end(), std::make_move_iterator(found.begin()),
                  std::make_move_iterator(found.end()));
    at += whole_blocks(batch.size());
    return true;
}

}  // namespace parrhesia::store::journal
