// SHA-256 through OpenSSL, without an allocation per hash.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace parrhesia::event {

// The hash of the pieces, one after another. Throws std::runtime_error if OpenSSL has no SHA-256.
//
// Threading: any thread (the context is thread-local).
[[nodiscard]] std::array<std::uint8_t, 32> sha256(std::initializer_list<std::string_view> pieces);

}  // namespace parrhesia::event
