// What a run found out, and its written forms.
#pragma once

#include "histogram.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parrhesia::bench {

struct Report {
    std::string name;  // unique within a set of runs
    std::string mode;  // "ingest", "req", ...
    std::string unit;  // of the rate: "event", "delivery", "request", "connection"
    std::vector<std::pair<std::string, double>> figures;
    std::vector<std::string> failures;                  // not empty: the figures say nothing
    std::vector<std::pair<double, double>> latency_us;  // (µs, share of requests not above it)
    std::vector<double> per_second;                     // throughput over time

    void set(std::string_view figure, double value);
    [[nodiscard]] double get(std::string_view figure) const noexcept;  // NaN: there is none
    void set_latency(const Histogram& histogram);
};

[[nodiscard]] std::string to_json(const Report& report);
// Errors: throws std::runtime_error that names the file.
[[nodiscard]] Report read_report(const std::string& path);

// One line for each report under a head.
[[nodiscard]] std::string to_table(const std::vector<Report>& reports);

// One self-contained page: the table, and for each report its latencies and its throughput.
// `introduction` is plain text shown above.
[[nodiscard]] std::string to_html(const std::vector<Report>& reports,
                                  std::string_view introduction);

// Its latencies and its throughput as one picture; empty plots are left out.
[[nodiscard]] std::string to_svg(const Report& report);

// Errors: throws std::runtime_error that names the file.
void write_file(const std::string& path, std::string_view text);

}  // namespace parrhesia::bench
