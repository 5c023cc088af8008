// 64-bit keys of buckets: a hash of a field and its value, with a secret of the process.
//
// Clients choose the values. With the secret they cannot aim at one slot of the table; and since
// the matcher has the last word, two values with one key would cost time, not correctness.
#pragma once

#include "parrhesia/event/kind.hpp"

#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

namespace parrhesia::fanout {

class KeyMaker {
  public:
    KeyMaker() : secret_(random_word()), multiplier_(random_word() | 1U) {}

    [[nodiscard]] std::uint64_t id(std::string_view bytes) const noexcept {
        return hash(kIdField, bytes);
    }
    [[nodiscard]] std::uint64_t author(std::string_view bytes) const noexcept {
        return hash(kAuthorField, bytes);
    }
    [[nodiscard]] std::uint64_t author_and_kind(std::string_view bytes,
                                                event::Kind kind) const noexcept {
        return hash(kAuthorAndKindField | kind, bytes);
    }
    [[nodiscard]] std::uint64_t kind(event::Kind kind) const noexcept {
        return hash(kKindField | kind, {});
    }
    [[nodiscard]] std::uint64_t tag(char name, std::string_view value) const noexcept {
        return hash(kTagField | static_cast<unsigned char>(name), value);
    }

  private:
    // The low 16 bits hold a kind or a letter.
    static constexpr std::uint64_t kIdField = 1U << 16;
    static constexpr std::uint64_t kAuthorField = 2U << 16;
    static constexpr std::uint64_t kAuthorAndKindField = 3U << 16;
    static constexpr std::uint64_t kKindField = 4U << 16;
    static constexpr std::uint64_t kTagField = 5U << 16;

    static std::uint64_t random_word() {
        std::random_device device;
        return (static_cast<std::uint64_t>(device()) << 32) | device();
    }

    // Both halves of the product, folded: every bit of the input reaches every bit of the result.
    static std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }

    [[nodiscard]] std::uint64_t hash(std::uint64_t field, std::string_view bytes) const noexcept {
        std::uint64_t state = mix(secret_ ^ field, multiplier_) ^ bytes.size();
        for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
            std::uint64_t word = 0;
            std::memcpy(&word, bytes.data(), 8);
            state = mix(state ^ word, multiplier_);
        }
        std::uint64_t rest = 0;
        if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
        return mix(state ^ rest ^ secret_, multiplier_);
    }

    const std::uint64_t secret_;
    const std::uint64_t multiplier_;
};

}  // namespace parrhesia::fanout
