#include "store/rules/keys.hpp"

#include "parrhesia/base/bytes.hpp"

#include <openssl/sha.h>

#include <bit>

namespace parrhesia::store {
namespace {

static_assert(std::endian::native == std::endian::little, "the swaps below assume little-endian");

// The first byte of a value's form. 0 to kLongestRaw: that many bytes follow, verbatim.
constexpr std::size_t kLongestRaw = 64;
constexpr char kHexForm = static_cast<char>(0xFE);     // 64 lowercase hex digits as their 32 bytes
constexpr char kDigestForm = static_cast<char>(0xFF);  // SHA-256 of a longer value

}  // namespace

std::uint64_t read_u64(const char* bytes) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return __builtin_bswap64(value);
}

void write_u64(char* bytes, std::uint64_t value) noexcept {
    value = __builtin_bswap64(value);
    std::memcpy(bytes, &value, sizeof value);
}

std::uint16_t read_u16(const char* bytes) noexcept {
    std::uint16_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return __builtin_bswap16(value);
}

void write_u16(char* bytes, std::uint16_t value) noexcept {
    value = __builtin_bswap16(value);
    std::memcpy(bytes, &value, sizeof value);
}

KeyBuffer& KeyBuffer::add_value(std::string_view value) {
    if (value.size() == 64) {
        std::array<std::uint8_t, 32> raw;
        if (base::from_hex(value, raw)) {
            add_letter(kHexForm);
            return add({reinterpret_cast<const char*>(raw.data()), raw.size()});
        }
    }
    if (value.size() <= kLongestRaw) {
        add_letter(static_cast<char>(value.size()));
        return add(value);
    }
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
    SHA256(reinterpret_cast<const unsigned char*>(value.data()), value.size(), digest.data());
    add_letter(kDigestForm);
    return add({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

KeyBuffer address_key(Kind kind, std::string_view pubkey, std::string_view identifier) {
    KeyBuffer key;
    key.add_kind(kind).add(pubkey).add_value(identifier);
    return key;
}

KeyBuffer address_key(const EventView& event) {
    const bool addressable = event::class_of(event.kind()) == event::KindClass::addressable;
    return address_key(event.kind(), event.pubkey_bytes(),
                       addressable ? event.identifier() : std::string_view{});
}

bool has_address(Kind kind) noexcept {
    const event::KindClass kind_class = event::class_of(kind);
    return kind_class == event::KindClass::replaceable ||
           kind_class == event::KindClass::addressable;
}

}  // namespace parrhesia::store
