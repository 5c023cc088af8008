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

}  // namespace parrhesia::app
