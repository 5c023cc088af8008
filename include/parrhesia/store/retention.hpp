// How long events are kept: the operator's choice, applied in the background.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/kind_set.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace parrhesia::store {

// One rule: events of these kinds go when they are too old, or when their author has too many of
// their kind. Deletions (5) and requests to vanish (62) never go, whatever a rule says: what they
// have removed would come back.
struct RetentionRule {
    event::KindSet kinds;                         // empty: all kinds
    std::optional<std::chrono::seconds> max_age;  // by created_at
    std::optional<std::uint32_t> per_author;      // the newest of one author and kind that stay

    [[nodiscard]] bool covers(event::Kind kind) const noexcept {
        return kinds.empty() || kinds.contains(kind);
    }
};

// "kinds=445 days=30", "kinds=7,9735,1000-1999 per_author=1000", "hours=48": any of `kinds`, and at
// least one of `days`, `hours` and `per_author`.
// Errors: malformed_message; the text names the word and what it must be.
[[nodiscard]] base::Checked<RetentionRule> parse_retention_rule(std::string_view text);

}  // namespace parrhesia::store
