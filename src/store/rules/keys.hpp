// Keys of what the rules of admission ask for, the same in every store: addresses, and the bounded
// form of tag values. docs/storage.md lays them down.
#pragma once

#include "parrhesia/event/event.hpp"
#include "parrhesia/event/kind.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace parrhesia::store {

using event::EventView;
using event::Kind;

[[nodiscard]] std::uint64_t read_u64(const char* bytes) noexcept;  // big-endian
void write_u64(char* bytes, std::uint64_t value) noexcept;
[[nodiscard]] std::uint16_t read_u16(const char* bytes) noexcept;
void write_u16(char* bytes, std::uint16_t value) noexcept;

// A key being built, without the heap.
class KeyBuffer {
  public:
    static constexpr std::size_t kCapacity = 128;  // the longest key is one of `address`, 99 bytes

    KeyBuffer& add(std::string_view bytes) noexcept {
        bytes.copy(bytes_.data() + size_, bytes.size());  // also of no bytes at no address
        size_ += bytes.size();
        return *this;
    }
    KeyBuffer& add_kind(Kind kind) noexcept {
        write_u16(bytes_.data() + size_, kind);
        size_ += 2;
        return *this;
    }
    KeyBuffer& add_letter(char letter) noexcept {
        bytes_[size_++] = letter;
        return *this;
    }
    // A tag value in its bounded, prefix-free form: a range scan of one value never meets another.
    KeyBuffer& add_value(std::string_view value);

    void clear() noexcept { size_ = 0; }
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

  private:
    std::array<char, kCapacity> bytes_;
    std::size_t size_ = 0;
};

// The address of a replaceable or addressable event: at most one version of it is stored.
[[nodiscard]] KeyBuffer address_key(Kind kind, std::string_view pubkey,
                                    std::string_view identifier);
// The same from the event. Its kind must be replaceable or addressable.
[[nodiscard]] KeyBuffer address_key(const EventView& event);
[[nodiscard]] bool has_address(Kind kind) noexcept;

}  // namespace parrhesia::store
