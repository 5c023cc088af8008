// The relay information document (NIP-11) that follows from the configuration.
#pragma once

#include "parrhesia/event/event.hpp"
#include "parrhesia/protocol/relay_information.hpp"

#include "app/config.hpp"

#include <optional>

namespace parrhesia::app {

// `self` is the relay's own pubkey, if it has one.
[[nodiscard]] protocol::RelayInformation relay_information_of(
    const Config& config, const std::optional<event::PubKey>& self = std::nullopt);

}  // namespace parrhesia::app
