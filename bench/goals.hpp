// The goals of docs/benchmarks.md, held against a set of runs.
#pragma once

#include "report.hpp"

#include <string>
#include <vector>

namespace parrhesia::bench {

// A table, one line for each goal: goal, result, whether it is met. Results are ratios to the run
// named "limits" where the goal is one. Runs that are missing or failed say so.
[[nodiscard]] std::string goal_table(const std::vector<Report>& reports);

}  // namespace parrhesia::bench
