// Who must be known to read and to write, and who may not (NIP-42, NIP-70).
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"
#include "parrhesia/event/kind_set.hpp"
#include "parrhesia/policy/viewer.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace parrhesia::policy {

enum class Access : std::uint8_t {
    everyone,
    authenticated,  // any pubkey, once it has proved itself
    allowed,        // the pubkeys of AccessRules::allowed
};

// The [auth] section of the configuration.
struct AccessRules {
    Access read = Access::everyone;
    Access write = Access::everyone;
    event::KindSet write_kinds;          // whoever sends these must be authenticated
    std::vector<event::PubKey> allowed;  // sorted
    std::vector<event::PubKey> denied;   // sorted; they neither write nor read as themselves

    [[nodiscard]] bool allows(const event::PubKey& pubkey) const noexcept;
    [[nodiscard]] bool denies(const event::PubKey& pubkey) const noexcept;
};

// Empty: these filters may be asked.
// Errors: auth_required, restricted.
[[nodiscard]] std::optional<base::Refusal> check_read(const std::vector<event::Filter>& filters,
                                                      const Viewer& viewer,
                                                      const AccessRules& rules);

// Empty: this viewer may publish the event. A request to vanish always passes (NIP-62).
// Errors: auth_required, restricted, blocked.
[[nodiscard]] std::optional<base::Refusal> check_write(const event::EventView& event,
                                                       const Viewer& viewer,
                                                       const AccessRules& rules);

}  // namespace parrhesia::policy
