// Fixed-size byte strings: event ids, public keys, signatures, and their lowercase hex form.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace parrhesia::base {

// Bytes of length N. Kind keeps an id from being passed as a public key.
template <class Kind, std::size_t N>
struct FixedBytes {
    static constexpr std::size_t kSize = N;
    std::array<std::uint8_t, N> bytes{};

    // clang-tidy 14 takes the comparison with 0 inside for a null pointer.
    // NOLINTNEXTLINE(modernize-use-nullptr)
    friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;

    [[nodiscard]] const std::uint8_t* data() const noexcept { return bytes.data(); }
    [[nodiscard]] std::uint8_t* data() noexcept { return bytes.data(); }
    [[nodiscard]] std::string_view view() const noexcept {
        return {reinterpret_cast<const char*>(bytes.data()), N};
    }
    // `raw` must hold exactly N bytes.
    static FixedBytes from_raw(std::string_view raw) noexcept {
        FixedBytes result;
        std::memcpy(result.bytes.data(), raw.data(), std::min(raw.size(), N));
        return result;
    }
};

using Id = FixedBytes<struct IdKind, 32>;          // SHA-256 of the canonical event (NIP-01)
using PubKey = FixedBytes<struct PubKeyKind, 32>;  // x-only key (BIP-340)
using Signature = FixedBytes<struct SigKind, 64>;  // BIP-340
using NodeId = FixedBytes<struct NodeIdKind, 16>;  // a relay of a cluster, from random numbers

// Appends the lowercase hex form of `bytes`.
void append_hex(std::string& out, std::span<const std::uint8_t> bytes);
[[nodiscard]] std::string to_hex(std::span<const std::uint8_t> bytes);

// Decodes exactly out.size() bytes of lowercase hex. False on any other length or character:
// NIP-01 knows no uppercase hex.
[[nodiscard]] bool from_hex(std::string_view hex, std::span<std::uint8_t> out) noexcept;

template <class Bytes>
[[nodiscard]] std::optional<Bytes> parse_hex(std::string_view hex) noexcept {
    Bytes result;
    if (!from_hex(hex, result.bytes)) return std::nullopt;
    return result;
}
template <class Kind, std::size_t N>
[[nodiscard]] std::string to_hex(const FixedBytes<Kind, N>& bytes) {
    return to_hex(std::span<const std::uint8_t>(bytes.bytes));
}

}  // namespace parrhesia::base

// Ids and keys are uniform hashes or points: their first bytes are hash enough for maps that an
// attacker cannot grow without limits.
template <class Kind, std::size_t N>
struct std::hash<parrhesia::base::FixedBytes<Kind, N>> {
    std::size_t operator()(const parrhesia::base::FixedBytes<Kind, N>& value) const noexcept {
        std::size_t result = 0;
        std::memcpy(&result, value.bytes.data(), sizeof result);
        return result;
    }
};
