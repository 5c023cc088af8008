// The rows of the section [postgres].
#pragma once

#include "app/config_keys.hpp"

#include <vector>

namespace parrhesia::app {

void add_postgres_keys(std::vector<ConfigKey>& keys);

}  // namespace parrhesia::app
