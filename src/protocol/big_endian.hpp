// Numbers in network byte order, and a reader that cannot run past its end.
#pragma once

#include "parrhesia/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace parrhesia::protocol {

template <class Number>
void append_number(std::string& out, Number number) {
    static_assert(std::is_unsigned_v<Number>);
    for (std::size_t shift = sizeof(Number) * 8; shift != 0; shift -= 8) {
        out.push_back(static_cast<char>(static_cast<std::uint8_t>(number >> (shift - 8))));
    }
}

template <class Number>
[[nodiscard]] Number read_number(const char* bytes) noexcept {
    static_assert(std::is_unsigned_v<Number>);
    Number number = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
        number = static_cast<Number>(number << 8U | static_cast<std::uint8_t>(bytes[i]));
    }
    return number;
}

// Reads a payload front to back. Once something was missing or out of bounds it stays failed, and
// everything read is 0 or empty: one check at the end is enough.
class PayloadReader {
  public:
    explicit PayloadReader(std::string_view payload) noexcept : rest_(payload) {}

    template <class Number>
    [[nodiscard]] Number number() noexcept {
        const std::string_view raw = bytes(sizeof(Number));
        return failed_ ? Number{0} : read_number<Number>(raw.data());
    }
    [[nodiscard]] std::string_view bytes(std::size_t size) noexcept {
        if (failed_ || size > rest_.size()) {
            fail();
            return {};
        }
        const std::string_view result = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return result;
    }
    template <class Bytes>
    [[nodiscard]] Bytes fixed() noexcept {
        const std::string_view raw = bytes(Bytes::kSize);
        return failed_ ? Bytes{} : Bytes::from_raw(raw);
    }
    // u16 length, then so many bytes, at most `max`.
    [[nodiscard]] std::string text(std::size_t max) {
        const std::size_t size = number<std::uint16_t>();
        if (size > max) fail();
        return std::string(bytes(size));
    }
    // A number of elements, at most `max`.
    [[nodiscard]] std::size_t count(std::size_t max) noexcept {
        const std::size_t result = number<std::uint16_t>();
        if (result > max) fail();
        return failed_ ? 0 : result;
    }
    // u16 type, u16 length, bytes: to the end. None is known yet.
    void skip_extensions() noexcept {
        while (!failed_ && !rest_.empty()) {
            static_cast<void>(number<std::uint16_t>());
            static_cast<void>(bytes(number<std::uint16_t>()));
        }
    }
    void fail() noexcept { failed_ = true; }
    [[nodiscard]] bool ok() const noexcept { return !failed_; }
    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

  private:
    std::string_view rest_;
    bool failed_ = false;
};

inline void append_text(std::string& out, std::string_view text, std::size_t max) {
    text = text.substr(0, max);
    append_number(out, static_cast<std::uint16_t>(text.size()));
    out += text;
}

}  // namespace parrhesia::protocol
