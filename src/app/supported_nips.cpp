#include "app/supported_nips.hpp"

#include <algorithm>

namespace parrhesia::app {

const std::vector<Nip>& nips() {
    static const std::vector<Nip> rows = {
        {1,
         "Basic protocol flow",
         "All of it: ids, `authors`, `#e` and `#p` are 64 lowercase hex digits and never prefixes; "
         "a tie between versions goes to the lowest id; a filter with an element that this relay "
         "does not know is refused with `unsupported:`. `OK true` is sent when the event is "
         "durable and queries see it. There is one endpoint, `/`: a websocket on any other path is "
         "answered with 404.",
         {"limits", "relay.mute_unheard"},
         {"T01.01-T01.22"},
         {}},
        {2,
         "Follow list",
         "Kind 3 is replaceable: a newer list takes the place of the older one. Lists of 5,000 "
         "entries pass with the default limits.",
         {"limits.event_tags", "limits.event_bytes"},
         {"T01.15"},
         {3}},
        {4,
         "Encrypted direct message",
         "Kind 4 is stored, and served only to its author and to those whom its `p` tags name, "
         "once they have authenticated. Whoever asks for kind 4 without having authenticated gets "
         "`CLOSED` with `auth-required:`.",
         {},
         {"T42.02", "T59.01"},
         {event::kDirectMessage}},
        {9,
         "Event deletion request",
         "A kind 5 removes the events of its own author that its `e` tags name, and of "
         "replaceable and addressable events that its `a` tags name all versions up to its own "
         "`created_at`, whether it comes before them or after them. What was deleted stays out "
         "(`blocked:`), also after a restart and on import. Deletion requests are kept and served "
         "for good and cannot be deleted; what they name of others is left alone, save that a "
         "recipient may delete a gift wrap.",
         {},
         {"T09.01-T09.08"},
         {event::kDeletion}},
        {11,
         "Relay information document",
         "Served at `/` to whoever accepts `application/nostr+json`, with the three CORS headers "
         "and an answer to preflight requests. Every number in `limitation` is the one that is "
         "enforced, `self` is the relay's own key ([commands](commands.md#key)), and "
         "`supported_nips` is made from the table on this page.",
         {"info", "limits"},
         {"T11.01-T11.04"},
         {}},
        {13,
         "Proof of work",
         "The operator may ask for a number of leading zero bits. An event with fewer is refused "
         "with `pow:`, and so is one whose `nonce` tag commits to a lower target; one without a "
         "commitment is taken by its bits. Requests to vanish are exempt.",
         {"limits.min_pow_difficulty"},
         {"T13.01"},
         {}},
        {17,
         "Private direct messages",
         "The gift wraps that carry them are protected as under NIP-59. Kind 10050, where a user "
         "wants to get them, is replaceable and readable by all; kinds 14 and 15, which belong "
         "inside a wrap, are refused.",
         {"auth.write_kinds"},
         {"T59.01-T59.03"},
         {event::kGiftWrap, event::kInboxRelays}},
        {40,
         "Expiration timestamp",
         "An event that has expired is refused when it comes, and from the second of its "
         "expiration on it is left out of every answer: stored, live, by id and counted. It is "
         "removed from the disk in the background. Expiration means nothing for ephemeral "
         "events.",
         {},
         {"T40.01-T40.03"},
         {}},
        {42,
         "Authentication of clients to relays",
         "A connection gets one challenge, when an answer first asks for authentication or at "
         "connect, and may authenticate several pubkeys: all of them count until it closes. The "
         "`relay` tag must name the host of `relay.public_url` (while that is not set, a loopback "
         "address of this relay); scheme, case, default port and a trailing slash do not matter. "
         "Kind 22242 is never stored or sent to anybody.",
         {"auth", "relay.public_url"},
         {"T42.01-T42.04"},
         {}},
        {45,
         "Event counts",
         "Several filters are one count, in which an event counts once and `limit` plays no part; "
         "what the client may not see is not counted. A count stops at `limits.count_events`, and "
         "then says `\"approximate\":true`. For a single filter with one tag attribute of one "
         "value the answer also has `hll`.",
         {"limits.count_events"},
         {"T45.01-T45.03"},
         {}},
        {59,
         "Gift wrap",
         "Kinds 1059 and 21059 are served only to authenticated clients whom a `p` tag names, on "
         "every path: stored, live, by id, counted and estimated. 21059 is never stored. "
         "Recipients may delete a wrap (NIP-09), and a request to vanish removes those addressed "
         "to its author (NIP-62).",
         {"auth.write_kinds", "marmot.gift_wrap_bytes"},
         {"T59.01-T59.03", "T09.07"},
         {event::kGiftWrap}},
        {62,
         "Request to vanish",
         "A kind 62 that names this relay or `ALL_RELAYS` removes every event of its author up to "
         "its `created_at`, deletion requests included, and the gift wraps addressed to the "
         "author. They stay out from then on, also on import; later events are welcome. Such a "
         "request passes whatever the policy says of its author, kind or proof of work.",
         {"relay.public_url"},
         {"T62.01-T62.03"},
         {}},
        {65, "Relay list metadata", "Kind 10002 is replaceable.", {}, {"T01.15"}, {10002}},
        {67,
         "EOSE completeness hint",
         "EOSE says `finish` when every stored match was sent, and `more` when at least one is "
         "known to be left; where finding out would cost too much it has two elements. Events "
         "that the client may not see do not exist for it.",
         {"limits.max_limit", "limits.default_limit"},
         {"T67.01", "T67.02"},
         {}},
        {70,
         "Protected events",
         "An event with a `-` tag is taken only from a connection that has authenticated its "
         "author: otherwise `auth-required:` or `restricted:`. Reposts (kinds 6 and 16) whose "
         "content is such an event are refused.",
         {},
         {"T70.01", "T70.02"},
         {}},
    };
    return rows;
}

std::vector<int> supported_nips(const std::function<bool(event::Kind)>& is_denied_kind) {
    std::vector<int> numbers;
    for (const Nip& nip : nips()) {
        if (std::any_of(nip.kinds.begin(), nip.kinds.end(), is_denied_kind)) continue;
        numbers.push_back(nip.number);
    }
    return numbers;
}

}  // namespace parrhesia::app
