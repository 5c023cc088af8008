#include "app/config.hpp"

#include <algorithm>
#include <thread>

namespace parrhesia::app {

base::NetworkList LimitsSection::exempt_networks() const {
    base::NetworkList list;
    for (const std::string& network : exempt) {
        // Checked when the configuration was read (key_builders.hpp).
        [[maybe_unused]] const bool added = list.add(network);
    }
    return list;
}

unsigned threads_or_cores(unsigned configured) noexcept {
    if (configured != 0) return configured;
    return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace parrhesia::app
