// Counters, gauges and histograms that cost one relaxed atomic each, and the registry that renders
// them.
//
// prometheus-cpp's own histogram takes a mutex for each observation, so the values live here and
// the library only renders them (exposition format 0.0.4).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::base {

// Threading: every method from any thread.
class Counter {
  public:
    void add(std::uint64_t count = 1) noexcept {
        value_.fetch_add(count, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<std::uint64_t> value_{0};
};

class Gauge {
  public:
    void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
    void add(std::int64_t delta) noexcept { value_.fetch_add(delta, std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<std::int64_t> value_{0};
};

class Histogram {
  public:
    // `bounds`: upper limits of the buckets, ascending; a last bucket without limit is implied.
    explicit Histogram(std::vector<double> bounds);
    void observe(double value, std::uint64_t times = 1) noexcept;
    // In seconds.
    void observe(std::chrono::nanoseconds duration, std::uint64_t times = 1) noexcept;

    [[nodiscard]] const std::vector<double>& bounds() const noexcept { return bounds_; }
    // One more than bounds(), not cumulative.
    [[nodiscard]] std::vector<std::uint64_t> counts() const;
    [[nodiscard]] double sum() const noexcept { return sum_.load(std::memory_order_relaxed); }

  private:
    const std::vector<double> bounds_;
    std::vector<std::atomic<std::uint64_t>> counts_;
    std::atomic<double> sum_{0};
};

// Buckets of a 1-2-5 series between the limits, in seconds.
[[nodiscard]] std::vector<double> latency_buckets(double from_seconds, double to_seconds);

using Labels = std::vector<std::pair<std::string, std::string>>;

// Owns every metric; handles stay valid as long as it lives.
//
// Threading: all methods from any thread (a mutex guards registration and rendering, not the
// values).
class MetricsRegistry {
  public:
    MetricsRegistry();
    ~MetricsRegistry();
    MetricsRegistry(const MetricsRegistry&) = delete;
    MetricsRegistry& operator=(const MetricsRegistry&) = delete;

    // The same name and labels give the same object. One name has one type, one help text and one
    // set of label names; a contradiction throws std::logic_error.
    Counter& counter(const std::string& name, const std::string& help, Labels labels = {});
    Gauge& gauge(const std::string& name, const std::string& help, Labels labels = {});
    Histogram& histogram(const std::string& name, const std::string& help,
                         std::vector<double> bounds, Labels labels = {});

    // Prometheus text, for /metrics.
    [[nodiscard]] std::string render() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parrhesia::base
