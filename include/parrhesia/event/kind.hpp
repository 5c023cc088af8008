// Kinds and their classes (NIP-01). Numbers that the classes leave undefined count as regular.
#pragma once

#include <cstddef>
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

// Kinds that the relay treats in a way of their own (nips.md section 7).
inline constexpr Kind kDirectMessage = 4;              // NIP-04
inline constexpr Kind kDeletion = 5;                   // NIP-09
inline constexpr Kind kRepost = 6;                     // NIP-18
inline constexpr Kind kGenericRepost = 16;             // NIP-18
inline constexpr Kind kVanish = 62;                    // NIP-62
inline constexpr Kind kKeyPackage = 443;               // Marmot, before 2026
inline constexpr Kind kGroupMessage = 445;             // Marmot
inline constexpr Kind kGiftWrap = 1059;                // NIP-59
inline constexpr Kind kInboxRelays = 10050;            // NIP-17
inline constexpr Kind kKeyPackageRelays = 10051;       // Marmot, before 2026
inline constexpr Kind kEphemeralGiftWrap = 21059;      // NIP-59
inline constexpr Kind kClientAuthentication = 22242;   // NIP-42
inline constexpr Kind kAddressableKeyPackage = 30443;  // Marmot

// What metrics are labelled by and the mesh queues by. Decided where an event comes in.
enum class TrafficClass : std::uint8_t { generic, ephemeral, marmot };
inline constexpr std::size_t kTrafficClasses = 3;

[[nodiscard]] constexpr TrafficClass traffic_class_of(Kind kind) noexcept {
    switch (kind) {
        case kKeyPackage:
        case kGroupMessage:
        case kGiftWrap:
        case kInboxRelays:
        case kKeyPackageRelays:
        case kAddressableKeyPackage:
            return TrafficClass::marmot;
        default:
            return is_ephemeral(kind) ? TrafficClass::ephemeral : TrafficClass::generic;
    }
}
[[nodiscard]] constexpr const char* name_of(TrafficClass traffic_class) noexcept {
    constexpr const char* kNames[kTrafficClasses] = {"generic", "ephemeral", "marmot"};
    return kNames[static_cast<std::size_t>(traffic_class)];
}

}  // namespace parrhesia::event
