// Who sees an event: the one question that every path out of the relay asks.
#pragma once

#include "parrhesia/event/event.hpp"
#include "parrhesia/event/kind.hpp"

#include <cstdint>

namespace parrhesia::event {

// NIP-40: from the second of its expiration on. Never for ephemeral events, of which nothing is
// stored.
[[nodiscard]] inline bool has_expired(const EventView& event,
                                      std::int64_t now_unix_seconds) noexcept {
    const std::int64_t expiration = event.expiration();
    return expiration != 0 && expiration <= now_unix_seconds && !is_ephemeral(event.kind());
}

// Implemented by policy::Viewer. An event that is not shown is, for the one who asks, not there: it
// is not sent, not counted and not hinted at.
//
// Threading: const methods from any thread.
class Visibility {
  public:
    virtual ~Visibility() = default;
    [[nodiscard]] virtual bool shows(const EventView& event) const noexcept = 0;
    // Whether it shows every event of this kind that does not expire: a store that knows so much of
    // an event need not look into it.
    [[nodiscard]] virtual bool shows_unless_expired(Kind kind) const noexcept {
        static_cast<void>(kind);
        return false;
    }
};

}  // namespace parrhesia::event
