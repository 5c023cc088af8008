#include "report.hpp"

#include "parrhesia/base/json.hpp"
#include "parrhesia/event/parse.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace parrhesia::bench {
namespace {

std::string cell(double value) {
    if (std::isnan(value)) return "-";
    if (value >= 1e6) return fmt::format("{:.3g}M", value / 1e6);
    if (value >= 100) return fmt::format("{:.0f}", value);
    return fmt::format("{:.3g}", value);
}

std::string json_string(std::string_view text) {
    std::string out;
    base::append_json_string(out, text);
    return out;
}

template <class Range, class Format>
std::string json_list(const Range& range, Format format) {
    std::string out = "[";
    for (const auto& item : range) {
        if (out.size() > 1) out += ',';
        out += format(item);
    }
    return out + "]";
}

}  // namespace

void Report::set(std::string_view figure, double value) {
    for (auto& [name_of, old] : figures) {
        if (name_of == figure) {
            old = value;
            return;
        }
    }
    figures.emplace_back(figure, value);
}

double Report::get(std::string_view figure) const noexcept {
    for (const auto& [name_of, value] : figures) {
        if (name_of == figure) return value;
    }
    return std::numeric_limits<double>::quiet_NaN();
}

void Report::set_latency(const Histogram& histogram) {
    if (histogram.count() == 0) return;
    const auto us = [](std::uint64_t nanoseconds) {
        return static_cast<double>(nanoseconds) / 1000;
    };
    set("p50_us", us(histogram.at_fraction(0.5)));
    set("p90_us", us(histogram.at_fraction(0.9)));
    set("p99_us", us(histogram.at_fraction(0.99)));
    set("max_us", us(histogram.max()));
    for (const auto& [value, share] : histogram.cumulative()) {
        latency_us.emplace_back(us(value), share);
    }
}

std::string to_json(const Report& report) {
    const auto number = [](double value) {
        return std::isfinite(value) ? fmt::format("{:.10g}", value) : std::string("null");
    };
    std::string out = fmt::format(
        "{{\"name\":{},\"mode\":{},\"unit\":{},\"failures\":{}", json_string(report.name),
        json_string(report.mode), json_string(report.unit),
        json_list(report.failures, [](const std::string& text) { return json_string(text); }));
    out += ",\"figures\":{";
    const char* comma = "";
    for (const auto& [name, value] : report.figures) {
        out += fmt::format("{}{}:{}", comma, json_string(name), number(value));
        comma = ",";
    }
    out += "},\"latency_us\":" + json_list(report.latency_us, [&number](const auto& point) {
               return fmt::format("[{},{}]", number(point.first), number(point.second));
           });
    out += ",\"per_second\":" + json_list(report.per_second, number) + "}\n";
    return out;
}

Report read_report(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    Report report;
    try {
        simdjson::dom::parser parser;
        const simdjson::dom::element document = parser.parse(text.str());
        report.name = std::string(document["name"].get_string().value());
        report.mode = std::string(document["mode"].get_string().value());
        report.unit = std::string(document["unit"].get_string().value());
        for (const auto failure : document["failures"].get_array()) {
            report.failures.emplace_back(failure.get_string().value());
        }
        for (const auto field : document["figures"].get_object()) {
            double value = std::numeric_limits<double>::quiet_NaN();
            if (!field.value.is_null()) value = field.value.get_double();
            report.figures.emplace_back(field.key, value);
        }
        for (const auto point : document["latency_us"].get_array()) {
            report.latency_us.emplace_back(point.at(0).get_double(), point.at(1).get_double());
        }
        for (const auto value : document["per_second"].get_array()) {
            report.per_second.push_back(value.get_double());
        }
    } catch (const simdjson::simdjson_error& error) {
        throw std::runtime_error(
            fmt::format("{}: no result of parrhesia_bench: {}", path, error.what()));
    }
    return report;
}

std::string to_table(const std::vector<Report>& reports) {
    std::string out =
        fmt::format("{:<28} {:>9} {:>11} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}\n",
                    "run", "rate/s", "of", "p50 us", "p90 us", "p99 us", "max us", "cpu s",
                    "cpu us/1", "own cpu s", "RSS MB", "grown MB");
    for (const Report& report : reports) {
        out += fmt::format(
            "{:<28} {:>9} {:>11} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}\n",
            report.name, cell(report.get("rate")), report.unit, cell(report.get("p50_us")),
            cell(report.get("p90_us")), cell(report.get("p99_us")), cell(report.get("max_us")),
            cell(report.get("server_cpu_seconds")), cell(report.get("server_cpu_us")),
            cell(report.get("own_cpu_seconds")), cell(report.get("resident_mb")),
            cell(report.get("anonymous_mb") - report.get("anonymous_before_mb")));
        for (const std::string& failure : report.failures) {
            out += fmt::format("  FAILED: {}\n", failure);
        }
        // Many small runs in one result: each figure is one of them.
        if (report.mode != "micro") continue;
        for (const auto& [name, value] : report.figures) {
            out += fmt::format("  {:<52} {:>12} us\n", name, cell(value));
        }
    }
    return out;
}

void write_file(const std::string& path, std::string_view text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw std::runtime_error(fmt::format("{}: cannot be written", path));
}

}  // namespace parrhesia::bench
