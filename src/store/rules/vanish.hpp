// A request to vanish that is honoured, and whose events are not all removed yet (NIP-62).
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/kind.hpp"

#include <cstdint>
#include <string>

namespace parrhesia::store {

struct Vanish {
    base::PubKey author;
    std::int64_t until = 0;  // created_at of the request
    std::uint64_t seq = 0;   // of the request: what was stored later is not concerned

    // Whether the event goes: the author's up to `until`, and gift wraps to the author.
    [[nodiscard]] bool takes(std::uint64_t event_seq, const event::EventView& event) const {
        if (event_seq >= seq) return false;
        if (event.pubkey_bytes() == author.view() && event.created_at() <= until) return true;
        if (event.kind() != event::kGiftWrap) return false;
        const std::string recipient = base::to_hex(author);
        for (const event::IndexedTag tag : event.tags()) {
            if (tag.name == 'p' && tag.value == recipient) return true;
        }
        return false;
    }
};

}  // namespace parrhesia::store
