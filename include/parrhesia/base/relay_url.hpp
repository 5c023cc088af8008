// Addresses of relays, brought to one form so that they can be compared (NIP-42, NIP-62).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace parrhesia::base {

// Scheme and host in lower case, no default port, no trailing slash, no fragment or query:
// "WSS://Relay.Example:443/" is "wss://relay.example". std::nullopt when the text is no ws:// or
// wss:// URL.
[[nodiscard]] std::optional<std::string> normalized_relay_url(std::string_view text);

}  // namespace parrhesia::base
