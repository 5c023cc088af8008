#include "parrhesia/base/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <stdexcept>
#include <variant>

namespace parrhesia::base {

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::observe(double value, std::uint64_t times) noexcept {
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    counts_[static_cast<std::size_t>(bucket)].fetch_add(times, std::memory_order_relaxed);
    sum_.fetch_add(value * static_cast<double>(times), std::memory_order_relaxed);
}

void Histogram::observe(std::chrono::nanoseconds duration, std::uint64_t times) noexcept {
    observe(std::chrono::duration<double>(duration).count(), times);
}

std::vector<std::uint64_t> Histogram::counts() const {
    std::vector<std::uint64_t> result;
    result.reserve(counts_.size());
    for (const auto& count : counts_) result.push_back(count.load(std::memory_order_relaxed));
    return result;
}

std::vector<double> latency_buckets(double from_seconds, double to_seconds) {
    std::vector<double> result;
    const int first = static_cast<int>(std::floor(std::log10(from_seconds)));
    const int last = static_cast<int>(std::floor(std::log10(to_seconds)));
    for (int decade = first; decade <= last; ++decade) {
        for (const double step : {1.0, 2.0, 5.0}) {
            const double bound = step * std::pow(10.0, decade);
            if (bound >= from_seconds * 0.999 && bound <= to_seconds * 1.001)
                result.push_back(bound);
        }
    }
    return result;
}

namespace {

using Metric =
    std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>>;

prometheus::ClientMetric render_one(const Labels& labels, const Metric& metric) {
    prometheus::ClientMetric result;
    for (const auto& [name, value] : labels) result.label.push_back({name, value});
    if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&metric)) {
        result.counter.value = static_cast<double>((*counter)->value());
    } else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&metric)) {
        result.gauge.value = static_cast<double>((*gauge)->value());
    } else if (const auto* histogram = std::get_if<std::unique_ptr<Histogram>>(&metric)) {
        std::uint64_t cumulative = 0;
        const auto counts = (*histogram)->counts();
        const auto& bounds = (*histogram)->bounds();
        for (std::size_t i = 0; i < counts.size(); ++i) {
            cumulative += counts[i];
            const double bound =
                i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
            result.histogram.bucket.push_back({cumulative, bound});
        }
        result.histogram.sample_count = cumulative;
        result.histogram.sample_sum = (*histogram)->sum();
    }
    return result;
}

prometheus::MetricType type_of(const Metric& metric) {
    if (std::holds_alternative<std::unique_ptr<Counter>>(metric)) {
        return prometheus::MetricType::Counter;
    }
    if (std::holds_alternative<std::unique_ptr<Gauge>>(metric))
        return prometheus::MetricType::Gauge;
    return prometheus::MetricType::Histogram;
}

std::vector<std::string> names_of(const Labels& labels) {
    std::vector<std::string> names;
    for (const auto& label : labels) names.push_back(label.first);
    return names;
}

struct Family {
    std::string help;
    std::map<Labels, Metric> metrics;
};

}  // namespace

struct MetricsRegistry::Impl {
    mutable std::mutex mutex;
    std::map<std::string, Family> families;  // guarded by mutex

    template <class T, class Make>
    T& get(const std::string& name, const std::string& help, Labels labels, Make make) {
        const std::scoped_lock lock(mutex);
        Family& family = families[name];
        if (family.metrics.empty()) {
            family.help = help;
        } else if (family.help != help ||
                   names_of(family.metrics.begin()->first) != names_of(labels)) {
            throw std::logic_error("metric " + name + " has another help text or other labels");
        }
        const auto found = family.metrics.find(labels);
        if (found == family.metrics.end()) {
            const auto added = family.metrics.emplace(std::move(labels), make()).first;
            return *std::get<std::unique_ptr<T>>(added->second);
        }
        auto* existing = std::get_if<std::unique_ptr<T>>(&found->second);
        if (existing == nullptr) throw std::logic_error("metric " + name + " has another type");
        return **existing;
    }
};

MetricsRegistry::MetricsRegistry() : impl_(std::make_unique<Impl>()) {}
MetricsRegistry::~MetricsRegistry() = default;

Counter& MetricsRegistry::counter(const std::string& name, const std::string& help, Labels labels) {
    return impl_->get<Counter>(name, help, std::move(labels),
                               [] { return std::make_unique<Counter>(); });
}

Gauge& MetricsRegistry::gauge(const std::string& name, const std::string& help, Labels labels) {
    return impl_->get<Gauge>(name, help, std::move(labels),
                             [] { return std::make_unique<Gauge>(); });
}

Histogram& MetricsRegistry::histogram(const std::string& name, const std::string& help,
                                      std::vector<double> bounds, Labels labels) {
    return impl_->get<Histogram>(name, help, std::move(labels), [&bounds] {
        return std::make_unique<Histogram>(std::move(bounds));
    });
}

std::string MetricsRegistry::render() const {
    std::vector<prometheus::MetricFamily> families;
    {
        const std::scoped_lock lock(impl_->mutex);
        for (const auto& [name, family] : impl_->families) {
            prometheus::MetricFamily rendered;
            rendered.name = name;
            rendered.help = family.help;
            rendered.type = type_of(family.metrics.begin()->second);
            for (const auto& [labels, metric] : family.metrics) {
                rendered.metric.push_back(render_one(labels, metric));
            }
            families.push_back(std::move(rendered));
        }
    }
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace parrhesia::base
