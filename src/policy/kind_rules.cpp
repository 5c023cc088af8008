#include "parrhesia/policy/kind_rules.hpp"

#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/tags.hpp"

#include <fmt/format.h>

namespace parrhesia::policy {
namespace {

using base::Errc;
using base::Refusal;

}  // namespace

std::optional<Refusal> check_kind(const event::EventView& event, const event::KindSet& denied) {
    const event::Kind kind = event.kind();
    switch (kind) {
        case event::kClientAuthentication:
            return Refusal{Errc::blocked, "kind 22242 is never published (NIP-42)"};
        case 24242:  // Blossom
        case 27235:  // NIP-98
            return Refusal{
                Errc::blocked,
                fmt::format("kind {} authorizes a request and is never published", kind)};
        case 14:
        case 15:
        case 444:
        case 446:
            return Refusal{Errc::blocked,
                           fmt::format("kind {} travels inside a gift wrap only (NIP-59)", kind)};
        case event::kRepost:
        case event::kGenericRepost:
            if (event::embeds_protected_event(event)) {
                return Refusal{Errc::blocked, "a repost must not embed a protected event (NIP-70)"};
            }
            break;
        case event::kVanish:
            if (event::find_tag(event::tags_of(event), "relay") == nullptr) {
                return Refusal{Errc::invalid_event,
                               "a request to vanish needs a relay tag (NIP-62)"};
            }
            return std::nullopt;
        default:
            break;
    }
    if (denied.contains(kind)) {
        return Refusal{Errc::blocked, fmt::format("kind {} is not taken here", kind)};
    }
    return std::nullopt;
}

}  // namespace parrhesia::policy
