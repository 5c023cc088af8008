// Kinds and their classes (NIP-01). Numbers that the classes leave undefined count as regular.
#pragma once

#include <cstdint>

namespace parrhesia::event {

using Kind = std::uint16_t;

enum class KindClass { regular, replaceable, ephemeral, addressable };

[[nodiscard]] constexpr KindClass class_of(Kind kind) noexcept {
    if (kind == 0 || kind == 3) return KindClass::replaceable;
    if (kind >= 10000 && kind < 20000) return KindClass::replaceable;
    if (kind >= 20000 && kind < 30000) return KindClass::ephemeral;
    if (kind >= 30000 && kind < 40000) return KindClass::addressable;
    return KindClass::regular;
}
[[nodiscard]] constexpr bool is_ephemeral(Kind kind) noexcept {
    return class_of(kind) == KindClass::ephemeral;
}

}  // namespace parrhesia::event
