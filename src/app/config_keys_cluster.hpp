// The rows of the section [cluster].
#pragma once

#include "app/config_keys.hpp"

#include <vector>

namespace parrhesia::app {

void add_cluster_keys(std::vector<ConfigKey>& keys);

}  // namespace parrhesia::app
