#include "histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace parrhesia::bench {
namespace {

// Values below 2^kBits have a bucket each; above, each power of two has 2^kBits of them.
constexpr unsigned kBits = 7;
constexpr std::uint64_t kPerOctave = 1U << kBits;

std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < kPerOctave) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kBits;
    return (shift + 1) * kPerOctave + (value >> shift) - kPerOctave;
}

std::uint64_t last_value_of(std::size_t bucket) noexcept {
    if (bucket < kPerOctave) return bucket;
    const auto shift = static_cast<unsigned>(bucket / kPerOctave) - 1;
    const std::uint64_t first = (bucket % kPerOctave + kPerOctave) << shift;
    return first + (std::uint64_t{1} << shift) - 1;
}

}  // namespace

void Histogram::record(std::uint64_t nanoseconds) {
    const std::size_t bucket = bucket_of(nanoseconds);
    if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
    ++buckets_[bucket];
    ++count_;
    max_ = std::max(max_, nanoseconds);
}

std::uint64_t Histogram::at_fraction(double fraction) const noexcept {
    const auto wanted = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += buckets_[i];
        if (seen >= wanted) return std::min(last_value_of(i), max_);
    }
    return max_;
}

std::vector<std::pair<std::uint64_t, double>> Histogram::cumulative() const {
    std::vector<std::pair<std::uint64_t, double>> points;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        if (buckets_[i] == 0) continue;
        seen += buckets_[i];
        points.emplace_back(std::min(last_value_of(i), max_),
                            static_cast<double>(seen) / static_cast<double>(count_));
    }
    return points;
}

}  // namespace parrhesia::bench
