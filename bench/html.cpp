#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace parrhesia::bench {
namespace {

constexpr double kWidth = 560;
constexpr double kHeight = 220;
constexpr double kLeft = 60;
constexpr double kBottom = 30;

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '<') {
            out += "&lt;";
        } else if (c == '&') {
            out += "&amp;";
        } else {
            out += c;
        }
    }
    return out;
}

std::string label(double x, double y, std::string_view anchor, std::string_view text) {
    return fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>)", x, y, anchor,
                       text);
}

constexpr std::string_view kPlotStyle =
    ".box{fill:none;stroke:#999}.grid{stroke:#ddd}.line{fill:none;stroke:#06c;stroke-width:1.5}";

// Of kWidth and kHeight.
struct Plot {
    std::string title;
    std::string inside;
};

std::string box() {
    return fmt::format(R"(<rect x="{:.0f}" y="10" width="{:.0f}" height="{:.0f}" class="box"/>)",
                       kLeft, kWidth - kLeft - 10, kHeight - kBottom - 10);
}

std::string figure(const Plot& plot) {
    return fmt::format(
        "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\">"
        "{}{}</svg></figure>\n",
        plot.title, kWidth, kHeight, kWidth, box(), plot.inside);
}

// Latency from the left in decades, the share of requests upwards.
Plot latency_plot(const Report& report) {
    const double first = std::floor(std::log10(std::max(1.0, report.latency_us.front().first)));
    const double last =
        std::max(first + 1, std::ceil(std::log10(std::max(1.0, report.latency_us.back().first))));
    const auto x_of = [first, last](double us) {
        const double decades = std::log10(std::max(1.0, us)) - first;
        return kLeft + (kWidth - kLeft - 10) * decades / (last - first);
    };
    const auto y_of = [](double share) { return 10 + (kHeight - kBottom - 10) * (1 - share); };
    std::string inside;
    for (double decade = first; decade <= last; ++decade) {
        const double us = std::pow(10, decade);
        inside += fmt::format(R"(<path class="grid" d="M{0:.1f} 10V{1:.1f}"/>)", x_of(us),
                              kHeight - kBottom);
        inside +=
            label(x_of(us), kHeight - 12, "middle",
                  us >= 1000 ? fmt::format("{:.0f} ms", us / 1000) : fmt::format("{:.0f} µs", us));
    }
    for (const double share : {0.0, 0.5, 0.9, 1.0}) {
        inside += fmt::format(R"(<path class="grid" d="M{:.1f} {:.1f}H{:.1f}"/>)", kLeft,
                              y_of(share), kWidth - 10);
        inside += label(kLeft - 6, y_of(share) + 4, "end", fmt::format("{:.0f} %", share * 100));
    }
    std::string path =
        fmt::format("M{:.1f} {:.1f}", x_of(report.latency_us.front().first), y_of(0));
    for (const auto& [us, share] : report.latency_us) {
        path += fmt::format("L{:.1f} {:.1f}", x_of(us), y_of(share));
    }
    inside += fmt::format(R"(<path class="line" d="{}"/>)", path);
    return {"Latency: share of requests not slower", std::move(inside)};
}

Plot throughput_plot(const Report& report) {
    const double top = *std::max_element(report.per_second.begin(), report.per_second.end()) * 1.1;
    const auto count = static_cast<double>(report.per_second.size());
    const auto y_of = [top](double value) {
        return 10 + (kHeight - kBottom - 10) * (1 - value / std::max(1.0, top));
    };
    std::string path;
    for (std::size_t i = 0; i < report.per_second.size(); ++i) {
        const double at = (static_cast<double>(i) + 0.5) / count;
        path += fmt::format("{}{:.1f} {:.1f}", i == 0 ? 'M' : 'L',
                            kLeft + (kWidth - kLeft - 10) * at, y_of(report.per_second[i]));
    }
    std::string inside = fmt::format(R"(<path class="line" d="{}"/>)", path);
    inside += label(kLeft - 6, y_of(0) + 4, "end", "0");
    inside += label(kLeft - 6, y_of(top / 1.1) + 4, "end", fmt::format("{:.3g}", top / 1.1));
    inside +=
        label(kWidth - 10, kHeight - 12, "end", fmt::format("{:.1f} s", report.get("seconds")));
    return {"Throughput over time, " + report.unit + "s per second", std::move(inside)};
}

std::vector<Plot> plots_of(const Report& report) {
    std::vector<Plot> plots;
    if (!report.latency_us.empty()) plots.push_back(latency_plot(report));
    if (report.per_second.size() > 1) plots.push_back(throughput_plot(report));
    return plots;
}

}  // namespace

std::string to_svg(const Report& report) {
    constexpr double kTitle = 24;
    const std::vector<Plot> plots = plots_of(report);
    const double height = kTitle + (kHeight + kTitle) * static_cast<double>(plots.size());
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
        "width=\"{0:.0f}\" height=\"{1:.0f}\" font-family=\"sans-serif\" font-size=\"11\">"
        "<style>{2}</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        kWidth, height, kPlotStyle);
    out += label(kWidth / 2, 16, "middle", escaped(report.name)) + "\n";
    double top = kTitle;
    for (const Plot& plot : plots) {
        out += label(kLeft, top + 14, "start", escaped(plot.title));
        out += fmt::format("<g transform=\"translate(0 {:.0f})\">{}{}</g>\n", top + kTitle - 6,
                           box(), plot.inside);
        top += kHeight + kTitle;
    }
    return out + "</svg>\n";
}

std::string to_html(const std::vector<Report>& reports, std::string_view introduction) {
    std::string out =
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>parrhesia_bench</title>"
        "<style>body{font:14px sans-serif;max-width:1180px;margin:2em auto;padding:0 1em}"
        "figure{display:inline-block;margin:0 1em 1em 0}svg{max-width:100%;font-size:11px}"
        ".failed{color:#b00}pre{overflow-x:auto}";
    out += kPlotStyle;
    out += "</style>\n";
    out += fmt::format("<h1>parrhesia_bench</h1><pre>{}</pre><pre>{}</pre>\n",
                       escaped(introduction), escaped(to_table(reports)));
    for (const Report& report : reports) {
        out += fmt::format("<h2>{}</h2>\n", escaped(report.name));
        for (const std::string& failure : report.failures) {
            out += fmt::format("<p class=\"failed\">FAILED: {}</p>\n", escaped(failure));
        }
        for (const Plot& plot : plots_of(report)) out += figure(plot);
        out += "<details><summary>All figures</summary><table>";
        for (const auto& [name, value] : report.figures) {
            out += fmt::format("<tr><td>{}<td>{:.6g}\n", escaped(name), value);
        }
        out += "</table></details>\n";
    }
    return out;
}

}  // namespace parrhesia::bench
