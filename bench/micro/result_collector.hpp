// Google Benchmark's console output, and the same figures as a report of ours.
#pragma once

#include "report.hpp"

#include <benchmark/benchmark.h>

#include <vector>

namespace parrhesia::bench {

// A figure for each benchmark, named after it: microseconds of CPU for one iteration, or of time
// where the benchmark waits for a disk. A benchmark that gave a wrong result is a failure.
class ResultCollector final : public benchmark::ConsoleReporter {
  public:
    ResultCollector();
    void ReportRuns(const std::vector<Run>& runs) override;
    [[nodiscard]] const Report& report() const noexcept { return report_; }

  private:
    Report report_;
};

}  // namespace parrhesia::bench
