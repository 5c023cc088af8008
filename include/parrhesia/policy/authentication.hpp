// Whether a client has proved to hold a key (NIP-42).
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::policy {

// How the relay is known to clients that authenticate.
struct RelayAddress {
    std::vector<std::string> urls;  // normalized (base/relay_url.hpp)
    // Without any: URLs of this machine's loopback are taken, with this port.
    std::uint16_t local_port = 0;
};

// Empty: `event`, whose id is right, authenticates its pubkey. All but the signature is looked at:
// kind 22242, created_at at most ten minutes off, the challenge, and a relay URL whose host is
// ours. Errors: invalid_event, the text says what is wrong.
[[nodiscard]] std::optional<base::Refusal> check_authentication(const event::EventView& event,
                                                                std::string_view challenge,
                                                                const RelayAddress& relay,
                                                                std::int64_t now_unix_seconds);

}  // namespace parrhesia::policy
