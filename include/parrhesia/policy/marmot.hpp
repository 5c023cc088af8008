// What an operator may ask of the traffic of MLS groups (Marmot, nips.md section 5).
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace parrhesia::policy {

// The [marmot] section of the configuration.
struct MarmotRules {
    bool require_group_tag = false;       // a filter that names kind 445 must have #h
    std::size_t max_group_values = 100;   // of #h in such a filter
    std::int64_t max_window_seconds = 0;  // from its `since` to its `until`, or to now; 0: no bound
    std::size_t group_event_bytes = 256 * 1024;  // canonical JSON of kind 445
    std::size_t key_package_bytes = 64 * 1024;   // of kinds 443 and 30443
    std::size_t gift_wrap_bytes = 256 * 1024;    // of kind 1059: welcomes grow with the group
};

// Errors: too_large.
[[nodiscard]] std::optional<base::Refusal> check_marmot_event(const event::EventView& event,
                                                              const MarmotRules& rules);

// Errors: blocked (no #h), too_many, too_large (the window).
[[nodiscard]] std::optional<base::Refusal> check_marmot_query(
    const std::vector<event::Filter>& filters, const MarmotRules& rules,
    std::int64_t now_unix_seconds);

}  // namespace parrhesia::policy
