#include "parrhesia/base/bytes.hpp"

namespace parrhesia::base {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> kValueOfDigit = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(kNoDigit);
    for (std::size_t value = 0; value < kDigits.size(); ++value) {
        table[static_cast<unsigned char>(kDigits[value])] = static_cast<std::uint8_t>(value);
    }
    return table;
}();

}  // namespace

void append_hex(std::string& out, std::span<const std::uint8_t> bytes) {
    const std::size_t start = out.size();
    out.resize(start + 2 * bytes.size());
    char* to = out.data() + start;
    for (const std::uint8_t byte : bytes) {
        *to++ = kDigits[byte >> 4U];
        *to++ = kDigits[byte & 15U];
    }
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
    std::string result;
    append_hex(result, bytes);
    return result;
}

bool from_hex(std::string_view hex, std::span<std::uint8_t> out) noexcept {
    if (hex.size() != 2 * out.size()) return false;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::uint8_t high = kValueOfDigit[static_cast<unsigned char>(hex[2 * i])];
        const std::uint8_t low = kValueOfDigit[static_cast<unsigned char>(hex[2 * i + 1])];
        if (high == kNoDigit || low == kNoDigit) return false;
        out[i] = static_cast<std::uint8_t>(high << 4U | low);
    }
    return true;
}

}  // namespace parrhesia::base
