#include "micro/result_collector.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace parrhesia::bench {

ResultCollector::ResultCollector()
    : ConsoleReporter(::isatty(STDOUT_FILENO) == 1 ? OO_Defaults : OO_Tabular) {
    report_.name = report_.mode = "micro";
    report_.unit = "call";
}

void ResultCollector::ReportRuns(const std::vector<Run>& runs) {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
        if (run.error_occurred) {
            report_.failures.push_back(
                fmt::format("{}: {}", run.benchmark_name(), run.error_message));
            continue;
        }
        if (run.run_type == Run::RT_Aggregate && run.aggregate_name != "median") continue;
        const bool is_real_time = !run.run_name.time_type.empty();
        const double seconds =
            (is_real_time ? run.real_accumulated_time : run.cpu_accumulated_time);
        report_.set(run.benchmark_name(), 1e6 * seconds / static_cast<double>(run.iterations));
    }
}

}  // namespace parrhesia::bench
