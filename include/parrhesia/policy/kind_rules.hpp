// Kinds that are never published, or only in a certain form (nips.md section 7).
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/kind_set.hpp"

#include <optional>

namespace parrhesia::policy {

// Empty: an event of this kind and form may be published. `denied`: the operator's choice, which
// requests to vanish are not subject to (NIP-62).
// Errors: blocked, invalid_event.
[[nodiscard]] std::optional<base::Refusal> check_kind(const event::EventView& event,
                                                      const event::KindSet& denied);

}  // namespace parrhesia::policy
