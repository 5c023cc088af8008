// Time, injected so that tests can turn it.
#pragma once

#include <chrono>
#include <cstdint>

namespace parrhesia::base {

using SteadyTime = std::chrono::steady_clock::time_point;

// Threading: const methods are safe from any thread.
class Clock {
  public:
    virtual ~Clock() = default;
    // Seconds since 1970, as in created_at.
    [[nodiscard]] virtual std::int64_t unix_seconds() const noexcept = 0;
    [[nodiscard]] virtual SteadyTime now() const noexcept = 0;
};

class SystemClock final : public Clock {
  public:
    [[nodiscard]] std::int64_t unix_seconds() const noexcept override;
    [[nodiscard]] SteadyTime now() const noexcept override;
};

}  // namespace parrhesia::base
