// Token buckets: so many a second, and so many at once after a pause.
//
// A bucket is a single number, the time at which it will be full again (the "generic cell rate
// algorithm"): nothing is filled up by a timer, and a bucket whose time has passed needs no memory.
#pragma once

#include "parrhesia/base/clock.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace parrhesia::base {

// How fast a bucket fills, and how much it holds.
class TokenRate {
  public:
    static constexpr std::uint64_t kMost = 1'000'000'000;  // of either number

    TokenRate() = default;  // no bound
    // `per_second` 0: no bound. A burst of 0 is one of 1; both are at most kMost.
    constexpr TokenRate(std::uint64_t per_second, std::uint64_t burst) noexcept
        : per_second_(std::min(per_second, kMost)),
          burst_(std::clamp<std::uint64_t>(burst, 1, kMost)),
          interval_(per_second_ == 0 ? 0 : kSecond / static_cast<std::int64_t>(per_second_)),
          depth_(per_second_ == 0 ? 0 : cost(burst_)) {}

    [[nodiscard]] constexpr bool is_bounded() const noexcept { return per_second_ != 0; }
    [[nodiscard]] constexpr std::uint64_t per_second() const noexcept { return per_second_; }
    [[nodiscard]] constexpr std::uint64_t burst() const noexcept { return burst_; }

    // In nanoseconds. `tokens` at most kMost; the rate must be bounded.
    [[nodiscard]] constexpr std::int64_t cost(std::uint64_t tokens) const noexcept {
        if (tokens == 1) return interval_;
        return static_cast<std::int64_t>(tokens * static_cast<std::uint64_t>(kSecond) /
                                         per_second_);
    }
    // Of a full bucket.
    [[nodiscard]] constexpr std::int64_t depth() const noexcept { return depth_; }

    friend constexpr bool operator==(const TokenRate&, const TokenRate&) = default;

  private:
    static constexpr std::int64_t kSecond = 1'000'000'000;
    std::uint64_t per_second_ = 0;
    std::uint64_t burst_ = 1;
    std::int64_t interval_ = 0;
    std::int64_t depth_ = 0;
};

// Born full. With a rate that has no bound every call passes and nothing is counted.
//
// Threading: any thread, without a lock; calls of several threads at once are counted one by one.
class TokenBucket {
  public:
    using Wait = std::chrono::nanoseconds;

    // Takes `tokens`, all or none. Zero: they are taken. Otherwise in how long they would be there.
    [[nodiscard]] Wait take(const TokenRate& rate, SteadyTime now,
                            std::uint64_t tokens = 1) noexcept {
        if (!rate.is_bounded()) return Wait::zero();
        const std::int64_t at = nanoseconds(now);
        const std::int64_t cost = rate.cost(tokens);
        std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
        for (;;) {
            const std::int64_t after = std::max(full_at, at) + cost;
            if (after - at > rate.depth()) return Wait(after - at - rate.depth());
            if (full_at_.compare_exchange_weak(full_at, after, std::memory_order_relaxed)) {
                return Wait::zero();
            }
        }
    }

    // Takes `tokens` that have been used already, and says how long to wait until that is paid for.
    [[nodiscard]] Wait charge(const TokenRate& rate, SteadyTime now,
                              std::uint64_t tokens) noexcept {
        if (!rate.is_bounded()) return Wait::zero();
        const std::int64_t at = nanoseconds(now);
        const std::int64_t cost = rate.cost(tokens);
        std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
        std::int64_t after = 0;
        do {
            // Debts have an end, so that time does not run over.
            after = std::min(std::max(full_at, at) + cost, at + rate.depth() + kLongestDebt);
        } while (!full_at_.compare_exchange_weak(full_at, after, std::memory_order_relaxed));
        return Wait(std::max<std::int64_t>(after - at - rate.depth(), 0));
    }

    // What was taken turned out not to be used.
    void give_back(const TokenRate& rate, std::uint64_t tokens = 1) noexcept {
        if (rate.is_bounded()) full_at_.fetch_sub(rate.cost(tokens), std::memory_order_relaxed);
    }

    void fill() noexcept { full_at_.store(0, std::memory_order_relaxed); }

    // Nanoseconds of the steady clock. In the past: the bucket is full.
    [[nodiscard]] std::int64_t full_at() const noexcept {
        return full_at_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] static std::int64_t nanoseconds(SteadyTime time) noexcept {
        return std::chrono::nanoseconds(time.time_since_epoch()).count();
    }

  private:
    static constexpr std::int64_t kLongestDebt = 3'600'000'000'000;
    std::atomic<std::int64_t> full_at_{0};
};

}  // namespace parrhesia::base
