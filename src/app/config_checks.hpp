// Values that are fine alone and contradict each other.
#pragma once

#include "app/config.hpp"

#include <string>
#include <vector>

namespace parrhesia::app {

struct ConfigConflict {
    std::string key;
    std::string other;
    std::string text;  // "expected less than limits.message_bytes (1024), found 2048"
};

[[nodiscard]] std::vector<ConfigConflict> conflicts_of(const Config& config);
// Its part about [cluster]: nothing while cluster.enabled is false.
void add_cluster_conflicts(const Config& config, std::vector<ConfigConflict>& out);

}  // namespace parrhesia::app
