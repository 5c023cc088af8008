// The relay information document (NIP-11) that follows from the configuration.
#pragma once

#include "parrhesia/protocol/relay_information.hpp"

#include "app/config.hpp"

namespace parrhesia::app {

[[nodiscard]] protocol::RelayInformation relay_information_of(const Config& config);

}  // namespace parrhesia::app
