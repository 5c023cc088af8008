#include "parrhesia/policy/viewer.hpp"

#include <algorithm>

namespace parrhesia::policy {
namespace {

[[nodiscard]] bool is_recipient(const event::EventView& event,
                                const std::vector<event::PubKey>& pubkeys) noexcept {
    for (const event::IndexedTag tag : event.tags()) {
        if (tag.name != 'p') continue;
        const auto pubkey = base::parse_hex<event::PubKey>(tag.value);
        if (pubkey && std::find(pubkeys.begin(), pubkeys.end(), *pubkey) != pubkeys.end()) {
            return true;
        }
    }
    return false;
}

}  // namespace

bool Viewer::is(const event::PubKey& pubkey) const noexcept {
    return std::find(pubkeys_.begin(), pubkeys_.end(), pubkey) != pubkeys_.end();
}

bool Viewer::shows(const event::EventView& event) const noexcept {
    if (event.expiration() != 0 && event::has_expired(event, clock_.unix_seconds())) return false;
    switch (readers_of(event.kind())) {
        case Readers::all:
            return true;
        case Readers::author_and_recipients:
            return is_known() && (is(event.pubkey()) || is_recipient(event, pubkeys_));
        case Readers::recipients:
            return is_known() && is_recipient(event, pubkeys_);
    }
    return false;
}

}  // namespace parrhesia::policy
