// Proof of work: leading zero bits of an event's id, and the target its author set out for
// (NIP-13).
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"

#include <optional>

namespace parrhesia::event {

// The difficulty of an id: 0 to 256.
[[nodiscard]] unsigned leading_zero_bits(const Id& id) noexcept;

// The third entry of the first `nonce` tag. std::nullopt without one, or if it is no number.
[[nodiscard]] std::optional<unsigned> committed_target(const EventView& event);

// Empty: the work suffices, as it always does for a minimum of 0. An event that had luck with a
// lower target is refused too; one that names no target is taken by its bits alone.
// Errors: insufficient_work.
[[nodiscard]] std::optional<base::Refusal> check_work(const EventView& event,
                                                      unsigned minimum_bits);

}  // namespace parrhesia::event
