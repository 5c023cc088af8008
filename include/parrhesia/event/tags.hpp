// All tags of an event, those with long names included, which the record does not keep decoded.
#pragma once

#include "parrhesia/event/event.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::event {

using Tag = std::vector<std::string>;  // name and values, at least one string

// Parses the event's JSON: some microseconds, for the few kinds that need it.
[[nodiscard]] std::vector<Tag> tags_of(const EventView& event);

// The first tag of that name, if any.
[[nodiscard]] const Tag* find_tag(const std::vector<Tag>& tags, std::string_view name) noexcept;

// What an `a` tag names: "<kind>:<pubkey>:<d>", where replaceable kinds have an empty <d> (NIP-01).
struct Address {
    Kind kind = 0;
    PubKey pubkey;
    std::string_view identifier;  // into the text
};
// std::nullopt when the text is no address, or its kind is neither replaceable nor addressable.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text) noexcept;

// Whether the content, taken as JSON, is an event with a tag named "-", or one whose content is
// such an event in turn (NIP-70 on reposts). False for content that is no JSON.
[[nodiscard]] bool embeds_protected_event(const EventView& event);

// Whether a request to vanish (kind 62) is addressed to the relay of these normalized URLs
// (base/relay_url.hpp): some `relay` tag has one of them, or "ALL_RELAYS" (NIP-62).
[[nodiscard]] bool is_vanish_request_to(const EventView& event,
                                        const std::vector<std::string>& relay_urls);

}  // namespace parrhesia::event
