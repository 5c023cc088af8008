#include "parrhesia/event/hyperloglog.hpp"

#include "event/sha256.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <string_view>

namespace parrhesia::event {
namespace {

constexpr unsigned kFirstOffset = 8;
constexpr std::size_t kOffsetDigit = 32;  // of 64 hex digits: the high half of byte 16

using Bytes32 = std::array<std::uint8_t, 32>;

// The pubkey of "<kind>:<pubkey>:<d>". Any kind will do: this is no question of what may be
// deleted, and other relays compute the same.
std::optional<Bytes32> pubkey_of_address(std::string_view text) noexcept {
    const std::size_t first = text.find(':');
    if (first == std::string_view::npos || first == 0) return std::nullopt;
    const std::string_view kind = text.substr(0, first);
    if (!std::all_of(kind.begin(), kind.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        return std::nullopt;
    }
    const std::size_t second = text.find(':', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    Bytes32 bytes{};
    if (!base::from_hex(text.substr(first + 1, second - first - 1), bytes)) return std::nullopt;
    return bytes;
}

Bytes32 bytes_of(std::string_view value) {
    Bytes32 bytes{};
    if (base::from_hex(value, bytes)) return bytes;
    if (const auto pubkey = pubkey_of_address(value)) return *pubkey;
    return sha256({value});
}

}  // namespace

std::optional<unsigned> hyperloglog_offset_of(const Filter& filter) {
    if (filter.tags.size() != 1 || filter.tags.front().values.size() != 1) return std::nullopt;
    const Bytes32 bytes = bytes_of(filter.tags.front().values.front());
    return kFirstOffset + (bytes[kOffsetDigit / 2] >> 4U);
}

HyperLogLog::HyperLogLog(unsigned offset) noexcept : offset_(offset) {
    assert(offset + 1 < PubKey::kSize);
}

// The longest run, from byte 9 to the end, has 184 bits: a register always holds it.
void HyperLogLog::add(const PubKey& pubkey) noexcept {
    unsigned rank = 1;
    for (std::size_t i = offset_ + 1; i < PubKey::kSize; ++i) {
        rank += static_cast<unsigned>(std::countl_zero(pubkey.bytes[i]));
        if (pubkey.bytes[i] != 0) break;
    }
    std::uint8_t& slot = registers_[pubkey.bytes[offset_]];
    slot = std::max(slot, static_cast<std::uint8_t>(rank));
}

void HyperLogLog::merge(const HyperLogLog& other) noexcept {
    assert(offset_ == other.offset_);
    for (std::size_t i = 0; i < kRegisters; ++i) {
        registers_[i] = std::max(registers_[i], other.registers_[i]);
    }
}

std::string HyperLogLog::to_hex() const { return base::to_hex(registers_); }

}  // namespace parrhesia::event
