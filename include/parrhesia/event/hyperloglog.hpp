// How many different authors: the HyperLogLog of NIP-45, which clients merge over relays.
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace parrhesia::event {

// Which bytes of a pubkey a filter's HyperLogLog reads: 8 to 23. Every relay derives the same.
// std::nullopt unless the filter has exactly one tag attribute with exactly one value: NIP-45 takes
// the first of several, and a Filter keeps no order.
[[nodiscard]] std::optional<unsigned> hyperloglog_offset_of(const Filter& filter);

// 256 registers, each the longest run of zero bits seen, plus one. The order of add() and merge()
// does not matter, and what is added twice counts once.
//
// Threading: one thread at a time.
class HyperLogLog {
  public:
    static constexpr std::size_t kRegisters = 256;
    using Registers = std::array<std::uint8_t, kRegisters>;

    // `offset` is hyperloglog_offset_of() a filter.
    explicit HyperLogLog(unsigned offset) noexcept;

    void add(const PubKey& pubkey) noexcept;
    // Becomes the one of both sets together. `other` has the same offset.
    void merge(const HyperLogLog& other) noexcept;

    [[nodiscard]] unsigned offset() const noexcept { return offset_; }
    [[nodiscard]] const Registers& registers() const noexcept { return registers_; }
    // 512 lowercase hex digits: the "hll" of a COUNT answer.
    [[nodiscard]] std::string to_hex() const;

  private:
    unsigned offset_;
    Registers registers_{};
};

}  // namespace parrhesia::event
