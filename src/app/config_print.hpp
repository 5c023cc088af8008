// Configuration as TOML text.
#pragma once

#include "app/config_load.hpp"

#include <string>

namespace parrhesia::app {

// The effective values, each with where it came from. Reading it back gives the same configuration.
[[nodiscard]] std::string effective_toml(const LoadedConfig& loaded);

// Every key with its description, unit, range and default: config/parrhesia.toml.
[[nodiscard]] std::string documented_toml();

}  // namespace parrhesia::app
