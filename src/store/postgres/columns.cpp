#include "store/postgres/columns.hpp"

#include "store/rules/keys.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <string>

namespace parrhesia::store::postgres {

std::int64_t author_of(std::string_view pubkey) noexcept {
    return static_cast<std::int64_t>(read_u64(pubkey.data()));
}

std::int64_t author_kind_of(std::string_view pubkey, event::Kind kind) noexcept {
    constexpr std::uint64_t kGoldenRatio = 0x9E3779B97F4A7C15;  // spreads the kinds
    return static_cast<std::int64_t>(read_u64(pubkey.data()) + kind * kGoldenRatio);
}

std::int64_t rank_of(std::string_view id) noexcept {
    // The top bit turns the order of unsigned numbers into that of signed ones.
    return static_cast<std::int64_t>(~(read_u64(id.data()) ^ (std::uint64_t{1} << 63)));
}

std::int64_t tag_key(char letter, std::string_view value) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
    constexpr std::size_t kUsual = 128;
    if (value.size() < kUsual) {
        std::array<unsigned char, kUsual> text;
        text[0] = static_cast<unsigned char>(letter);
        value.copy(reinterpret_cast<char*>(text.data()) + 1, value.size());
        SHA256(text.data(), value.size() + 1, digest.data());
    } else {
        std::string text(1, letter);
        text.append(value);
        SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    }
    return static_cast<std::int64_t>(read_u64(reinterpret_cast<const char*>(digest.data())));
}

std::vector<std::int64_t> tag_keys_of(const event::EventView& event) {
    std::vector<std::int64_t> keys;
    for (const event::IndexedTag tag : event.tags()) keys.push_back(tag_key(tag.name, tag.value));
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
}

}  // namespace parrhesia::store::postgres
