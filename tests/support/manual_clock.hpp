// A clock that stands still until a test turns it.
#pragma once

#include "parrhesia/base/clock.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>

namespace parrhesia::test {

class ManualClock final : public base::Clock {
  public:
    explicit ManualClock(std::int64_t unix_seconds) : unix_seconds_(unix_seconds) {}

    void advance(std::chrono::seconds by) { unix_seconds_ += by.count(); }
    void set(std::int64_t unix_seconds) { unix_seconds_ = unix_seconds; }

    [[nodiscard]] std::int64_t unix_seconds() const noexcept override { return unix_seconds_; }
    [[nodiscard]] base::SteadyTime now() const noexcept override {
        return base::SteadyTime(std::chrono::seconds(unix_seconds_.load()));
    }

  private:
    std::atomic<std::int64_t> unix_seconds_;
};

}  // namespace parrhesia::test
