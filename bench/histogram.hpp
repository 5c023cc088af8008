// Latencies in buckets whose width is a fixed share of the value, as HdrHistogram has them.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace parrhesia::bench {

// Values are nanoseconds. A percentile is at most 1/128 above the true value.
class Histogram {
  public:
    void record(std::uint64_t nanoseconds);

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
    // The smallest recorded value (rounded up to its bucket's end) that `fraction` of all values do
    // not exceed; 0 when there are none.
    [[nodiscard]] std::uint64_t at_fraction(double fraction) const noexcept;
    // (value, share of values not above it) for each bucket in use: the cumulative distribution.
    [[nodiscard]] std::vector<std::pair<std::uint64_t, double>> cumulative() const;

  private:
    std::vector<std::uint64_t> buckets_;
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

}  // namespace parrhesia::bench
