#include "parrhesia/policy/access.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace parrhesia::policy {
namespace {

using base::Errc;
using base::Refusal;

[[nodiscard]] bool contains(const std::vector<event::PubKey>& sorted,
                            const event::PubKey& pubkey) noexcept {
    return std::binary_search(sorted.begin(), sorted.end(), pubkey);
}

[[nodiscard]] bool any_allowed(const Viewer& viewer, const AccessRules& rules) noexcept {
    return std::any_of(viewer.pubkeys().begin(), viewer.pubkeys().end(),
                       [&rules](const event::PubKey& pubkey) { return rules.allows(pubkey); });
}

// The first kind that the filters name and not everybody may read, if any.
[[nodiscard]] std::optional<event::Kind> protected_kind(const std::vector<event::Filter>& filters) {
    for (const event::Filter& filter : filters) {
        for (const event::Kind kind : filter.kinds) {
            if (readers_of(kind) != Readers::all) return kind;
        }
    }
    return std::nullopt;
}

[[nodiscard]] std::optional<Refusal> check_protected(const event::EventView& event,
                                                     const Viewer& viewer) {
    if (!event.is_protected() || viewer.is(event.pubkey())) return std::nullopt;
    if (!viewer.is_known()) {
        return Refusal{Errc::auth_required, "this event may only be published by its author"};
    }
    return Refusal{Errc::restricted, "this event may only be published by its author"};
}

}  // namespace

bool AccessRules::allows(const event::PubKey& pubkey) const noexcept {
    return contains(allowed, pubkey);
}

bool AccessRules::denies(const event::PubKey& pubkey) const noexcept {
    return contains(denied, pubkey);
}

std::optional<Refusal> check_read(const std::vector<event::Filter>& filters, const Viewer& viewer,
                                  const AccessRules& rules) {
    if (rules.read != Access::everyone && !viewer.is_known()) {
        return Refusal{Errc::auth_required, "this relay serves authenticated clients only"};
    }
    if (rules.read == Access::allowed && !any_allowed(viewer, rules)) {
        return Refusal{Errc::restricted, "this relay serves its members only"};
    }
    if (!viewer.is_known()) {
        if (const auto kind = protected_kind(filters)) {
            return Refusal{
                Errc::auth_required,
                fmt::format("events of kind {} are served only to those they concern", *kind)};
        }
    }
    return std::nullopt;
}

std::optional<Refusal> check_write(const event::EventView& event, const Viewer& viewer,
                                   const AccessRules& rules) {
    if (event.kind() == event::kVanish) return std::nullopt;
    if (!rules.denied.empty() && rules.denies(event.pubkey())) {
        return Refusal{Errc::blocked, "this pubkey may not publish here"};
    }
    if (auto refusal = check_protected(event, viewer)) return refusal;
    switch (rules.write) {
        case Access::everyone:
            break;
        case Access::authenticated:
            if (!viewer.is_known()) {
                return Refusal{Errc::auth_required,
                               "this relay takes events from authenticated clients only"};
            }
            break;
        case Access::allowed:
            if (rules.allows(event.pubkey()) || any_allowed(viewer, rules)) break;
            if (!viewer.is_known()) {
                return Refusal{Errc::auth_required, "this relay takes events of its members only"};
            }
            return Refusal{Errc::restricted, "this relay takes events of its members only"};
    }
    if (!viewer.is_known() && rules.write_kinds.contains(event.kind())) {
        return Refusal{Errc::auth_required,
                       fmt::format("events of kind {} are taken from authenticated clients only",
                                   event.kind())};
    }
    return std::nullopt;
}

}  // namespace parrhesia::policy
