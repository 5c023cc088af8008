#include "parrhesia/base/metrics.hpp"

#include <gtest/gtest.h>

namespace parrhesia::base {
namespace {

TEST(Histogram, CountsIntoTheFirstBucketThatHolds) {
    Histogram histogram({1, 2, 5});
    for (const double value : {0.5, 1.0, 1.5, 5.0, 6.0}) histogram.observe(value);
    histogram.observe(2, 3);
    EXPECT_EQ(histogram.counts(), (std::vector<std::uint64_t>{2, 4, 1, 1}));
    EXPECT_DOUBLE_EQ(histogram.sum(), 20);
}

TEST(LatencyBuckets, AreASeriesBetweenTheLimits) {
    const auto bounds = latency_buckets(0.0005, 0.02);
    ASSERT_EQ(bounds.size(), 6U);
    EXPECT_NEAR(bounds.front(), 0.0005, 1e-12);
    EXPECT_NEAR(bounds.back(), 0.02, 1e-12);
}

TEST(MetricsRegistry, SameNameAndLabelsAreTheSameMetric) {
    MetricsRegistry registry;
    Counter& one = registry.counter("c_total", "help", {{"reason", "a"}});
    EXPECT_EQ(&one, &registry.counter("c_total", "help", {{"reason", "a"}}));
    EXPECT_NE(&one, &registry.counter("c_total", "help", {{"reason", "b"}}));
}

TEST(MetricsRegistry, ContradictionsAreBugs) {
    MetricsRegistry registry;
    registry.counter("c_total", "help");
    EXPECT_THROW(registry.gauge("c_total", "help"), std::logic_error);
    EXPECT_THROW(registry.counter("c_total", "other help"), std::logic_error);
    EXPECT_THROW(registry.counter("c_total", "help", {{"reason", "a"}}), std::logic_error);
}

TEST(MetricsRegistry, RendersThePrometheusText) {
    MetricsRegistry registry;
    registry.counter("c_total", "Counts", {{"reason", "a"}}).add(3);
    registry.gauge("g", "Gauges").set(-2);
    Histogram& histogram = registry.histogram("h_seconds", "Times", {0.5, 1});
    histogram.observe(std::chrono::milliseconds(700));
    histogram.observe(0.1);
    const std::string text = registry.render();
    for (const char* line :
         {"# TYPE c_total counter\nc_total{reason=\"a\"} 3\n", "# TYPE g gauge\ng -2\n",
          "h_seconds_count 2\n", "h_seconds_bucket{le=\"0.5\"} 1\n",
          "h_seconds_bucket{le=\"1\"} 2\n", "h_seconds_bucket{le=\"+Inf\"} 2\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << "\nnot in\n" << text;
    }
}

}  // namespace
}  // namespace parrhesia::base
