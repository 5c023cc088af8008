#include "parrhesia/policy/marmot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace parrhesia::policy {
namespace {

using base::Errc;
using base::Refusal;

[[nodiscard]] std::size_t max_bytes(event::Kind kind, const MarmotRules& rules) noexcept {
    switch (kind) {
        case event::kGroupMessage:
            return rules.group_event_bytes;
        case event::kKeyPackage:
        case event::kAddressableKeyPackage:
            return rules.key_package_bytes;
        case event::kGiftWrap:
            return rules.gift_wrap_bytes;
        default:
            return std::numeric_limits<std::size_t>::max();
    }
}

[[nodiscard]] std::optional<Refusal> check_filter(const event::Filter& filter,
                                                  const MarmotRules& rules, std::int64_t now) {
    const auto groups = std::find_if(filter.tags.begin(), filter.tags.end(),
                                     [](const event::TagFilter& tag) { return tag.name == 'h'; });
    if (groups == filter.tags.end()) {
        if (!rules.require_group_tag) return std::nullopt;
        return Refusal{Errc::blocked, "a filter for kind 445 must name its groups in #h"};
    }
    if (groups->values.size() > rules.max_group_values) {
        return Refusal{Errc::too_many, fmt::format("filter has {} values in #h, at most {} are "
                                                   "allowed for kind 445; ask in several filters",
                                                   groups->values.size(), rules.max_group_values)};
    }
    if (rules.max_window_seconds == 0) return std::nullopt;
    const std::int64_t window = std::min(filter.until, now) - filter.since;
    if (window <= rules.max_window_seconds) return std::nullopt;
    return Refusal{
        Errc::too_large,
        fmt::format("filter asks for {} seconds of kind 445, at most {} are allowed; give it a "
                    "later since",
                    window, rules.max_window_seconds)};
}

}  // namespace

std::optional<Refusal> check_marmot_event(const event::EventView& event, const MarmotRules& rules) {
    const std::size_t most = max_bytes(event.kind(), rules);
    if (event.json().size() <= most) return std::nullopt;
    return Refusal{Errc::too_large,
                   fmt::format("event of kind {} has {} bytes, at most {} are allowed",
                               event.kind(), event.json().size(), most)};
}

std::optional<Refusal> check_marmot_query(const std::vector<event::Filter>& filters,
                                          const MarmotRules& rules, std::int64_t now_unix_seconds) {
    for (const event::Filter& filter : filters) {
        if (!std::binary_search(filter.kinds.begin(), filter.kinds.end(), event::kGroupMessage)) {
            continue;
        }
        if (auto refusal = check_filter(filter, rules, now_unix_seconds)) return refusal;
    }
    return std::nullopt;
}

}  // namespace parrhesia::policy
