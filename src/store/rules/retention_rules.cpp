#include "store/rules/retention_rules.hpp"

#include "parrhesia/event/kind.hpp"

#include <algorithm>

namespace parrhesia::store {

bool RetentionRules::covers(event::Kind kind) const noexcept {
    if (kind == event::kDeletion || kind == event::kVanish) return false;
    return std::any_of(rules_.begin(), rules_.end(),
                       [kind](const RetentionRule& rule) { return rule.covers(kind); });
}

bool RetentionRules::keeps(event::Kind kind, std::int64_t created_at, std::uint64_t count,
                           std::int64_t now) const noexcept {
    return std::none_of(rules_.begin(), rules_.end(), [&](const RetentionRule& rule) {
        if (!rule.covers(kind)) return false;
        const bool too_old = rule.max_age && created_at < now - rule.max_age->count();
        const bool too_many = rule.per_author && count > *rule.per_author;
        return too_old || too_many;
    });
}

}  // namespace parrhesia::store
