// What a relay says to a client, found without a JSON parser: a generator must cost less than what
// it measures.
#pragma once

#include <string_view>

namespace parrhesia::bench {

struct RelayMessage {
    enum class Type { event, ok, eose, closed, notice, other };
    Type type = Type::other;
    std::string_view name;     // the subscription id, or the event id of an OK
    bool is_accepted = false;  // of an OK
    std::string_view rest;     // the event's JSON; of OK, CLOSED and NOTICE the words, in quotes
};

// Any spacing is understood; names with escapes are not (the generator uses none).
[[nodiscard]] RelayMessage parse_relay_message(std::string_view text) noexcept;

// The value of the member "id" of an event, 64 characters, wherever it stands; empty when there is
// none.
[[nodiscard]] std::string_view find_event_id(std::string_view event_json) noexcept;

}  // namespace parrhesia::bench
