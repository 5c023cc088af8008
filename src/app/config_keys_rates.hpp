// The rows of the [rates] section.
#pragma once

#include "app/config_keys.hpp"

#include <vector>

namespace parrhesia::app {

void add_rates_keys(std::vector<ConfigKey>& keys);

}  // namespace parrhesia::app
