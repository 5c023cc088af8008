// Which version of a replaceable or addressable event stays.
#pragma once

#include "parrhesia/event/event.hpp"

#include <cstdint>

namespace parrhesia::store {

struct Version {
    std::int64_t created_at = 0;
    event::Id id;

    [[nodiscard]] static Version of(const event::EventView& event) noexcept {
        return {event.created_at(), event.id()};
    }
};

// NIP-01: the newer version stays; of two of one second the one with the lowest id.
[[nodiscard]] inline bool replaces(const Version& challenger, const Version& stored) noexcept {
    if (challenger.created_at != stored.created_at) {
        return challenger.created_at > stored.created_at;
    }
    return challenger.id < stored.id;
}

}  // namespace parrhesia::store
