// What one connection may see: the only place where that is decided. Stored events, live events,
// counts and estimates all ask it (NIP-04, NIP-17, NIP-40, NIP-59).
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/visibility.hpp"

#include <vector>

namespace parrhesia::policy {

// Who may read an event of the kind. Of the kinds that are not for all, everybody else sees
// nothing.
enum class Readers { all, author_and_recipients, recipients };

[[nodiscard]] constexpr Readers readers_of(event::Kind kind) noexcept {
    switch (kind) {
        case event::kDirectMessage:
            return Readers::author_and_recipients;
        // The author of a wrap is a key that nobody keeps.
        case event::kGiftWrap:
        case event::kEphemeralGiftWrap:
            return Readers::recipients;
        default:
            return Readers::all;
    }
}

// The pubkeys that a connection has authenticated (NIP-42: all of them count). Immutable: a further
// key makes another viewer, and queries under way go on with the one they began with.
//
// Lifetime: the clock outlives it.
class Viewer final : public event::Visibility {
  public:
    explicit Viewer(const base::Clock& clock, std::vector<event::PubKey> pubkeys = {})
        : clock_(clock), pubkeys_(std::move(pubkeys)) {}

    // Not what has expired, and of kinds that are not for all only what concerns these pubkeys.
    [[nodiscard]] bool shows(const event::EventView& event) const noexcept override;
    [[nodiscard]] bool shows_unless_expired(event::Kind kind) const noexcept override {
        return readers_of(kind) == Readers::all;
    }

    [[nodiscard]] const std::vector<event::PubKey>& pubkeys() const noexcept { return pubkeys_; }
    [[nodiscard]] bool is_known() const noexcept { return !pubkeys_.empty(); }
    [[nodiscard]] bool is(const event::PubKey& pubkey) const noexcept;

  private:
    const base::Clock& clock_;
    const std::vector<event::PubKey> pubkeys_;
};

}  // namespace parrhesia::policy
