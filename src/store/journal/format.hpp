// The bytes of a journal file, as docs/storage.md lays them down.
#pragma once

#include "store/recent/recent_events.hpp"

#include <boost/align/aligned_allocator.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::store::journal {

// Ties a journal to the data file of its folder.
using Epoch = std::array<char, 16>;

// 2: events also say which others they remove. Files of both are read.
inline constexpr std::uint16_t kFormatVersion = 2;
inline constexpr std::uint16_t kOldestFormatVersion = 1;
inline constexpr std::size_t kHeaderBytes = 64;
// What the disk is written in: the header has a block of its own, and each batch begins with one.
inline constexpr std::size_t kBlockBytes = 4096;
inline constexpr std::size_t kBatchesAt = kBlockBytes;
inline constexpr std::string_view kNamePrefix = "journal.";
inline constexpr std::string_view kSpareName = "journal.spare";  // nothing in it counts

struct FileHeader {
    Epoch epoch{};
    std::uint64_t first_seq = 0;  // of the events in the file
    // Random, part of every checksum of the file: a batch of an earlier use of it is never valid.
    std::uint64_t nonce = 0;
    std::uint16_t version = kFormatVersion;
};

enum class HeaderState : std::uint8_t { valid, newer_format, invalid };

// Bytes that may go past the page cache: at an address that is a multiple of a block.
using Blocks = std::basic_string<char, std::char_traits<char>,
                                 boost::alignment::aligned_allocator<char, kBlockBytes>>;

[[nodiscard]] constexpr std::size_t whole_blocks(std::size_t bytes) noexcept {
    return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

[[nodiscard]] Blocks encode_header(const FileHeader& header);
[[nodiscard]] HeaderState decode_header(std::string_view bytes, FileHeader& header) noexcept;

// "journal." and the first seq, in 20 digits: the order of the names is that of the files.
[[nodiscard]] std::string file_name(std::uint64_t first_seq);
[[nodiscard]] std::optional<std::uint64_t> first_seq_of(std::string_view file_name) noexcept;

// Puts a batch into `out`, in whole blocks. Its checksum is missing until seal_batch().
void encode_batch(std::span<const SequencedEvent> events, Blocks& out);
void seal_batch(Blocks& batch, std::uint64_t nonce) noexcept;

// Reads the batch that begins at `at`, whose events begin with seq `expected`, and moves `at` to
// the block behind it. False when there is none: the file's end, a batch that was cut short, bytes
// of an earlier use.
[[nodiscard]] bool decode_batch(std::string_view file, std::size_t& at, const FileHeader& header,
                                std::uint64_t expected, std::vector<SequencedEvent>& events);

}  // namespace parrhesia::store::journal
