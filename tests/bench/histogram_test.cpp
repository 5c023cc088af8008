#include "histogram.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace parrhesia::bench {
namespace {

TEST(Histogram, AnEmptyOneHasOnlyZeros) {
    const Histogram histogram;

    EXPECT_EQ(histogram.count(), 0U);
    EXPECT_EQ(histogram.at_fraction(0.99), 0U);
    EXPECT_TRUE(histogram.cumulative().empty());
}

TEST(Histogram, SmallValuesAreExact) {
    Histogram histogram;
    for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);

    EXPECT_EQ(histogram.at_fraction(0.5), 50U);
    EXPECT_EQ(histogram.at_fraction(0.99), 99U);
    EXPECT_EQ(histogram.at_fraction(1), 100U);
}

TEST(Histogram, APercentileIsNeverBelowTheTruthAndAtMostOne128thAbove) {
    for (std::uint64_t value = 1; value < std::uint64_t{1} << 40U; value = value * 5 / 3 + 1) {
        Histogram histogram;
        histogram.record(value);
        histogram.record(value * 2);  // so that the maximum does not hide the bucket's width

        EXPECT_GE(histogram.at_fraction(0.5), value);
        EXPECT_LE(histogram.at_fraction(0.5), value + value / 128);
        EXPECT_EQ(histogram.at_fraction(1), value * 2);
    }
}

TEST(Histogram, TheCumulativeDistributionRisesToOne) {
    Histogram histogram;
    for (std::uint64_t value = 1000; value > 0; --value) histogram.record(value * value);

    const auto points = histogram.cumulative();

    for (std::size_t i = 1; i < points.size(); ++i) {
        EXPECT_LT(points[i - 1].first, points[i].first);
        EXPECT_LT(points[i - 1].second, points[i].second);
    }
    EXPECT_EQ(points.back().first, 1'000'000U);
    EXPECT_DOUBLE_EQ(points.back().second, 1);
}

}  // namespace
}  // namespace parrhesia::bench
