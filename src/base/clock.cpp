#include "parrhesia/base/clock.hpp"

namespace parrhesia::base {

std::int64_t SystemClock::unix_seconds() const noexcept {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
}

SteadyTime SystemClock::now() const noexcept { return std::chrono::steady_clock::now(); }

}  // namespace parrhesia::base
