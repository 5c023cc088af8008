#include "goals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string_view>

namespace parrhesia::bench {
namespace {

struct Goal {
    std::string_view what;
    std::string_view run;   // its name in bench/run
    std::string_view goal;  // in words
    double bound;           // the result must not be above it (below it, if is_floor)
    bool is_floor;
    std::function<double(const Report& run, const Report& limits)> result;
};

std::function<double(const Report&, const Report&)> figure(std::string name, double divisor = 1) {
    return [name = std::move(name), divisor](const Report& run, const Report&) {
        return run.get(name) / divisor;
    };
}

// In seconds. With fewer events than the goal names it says nothing about the goal.
double slowest_start(const Report& run, const Report& /*limits*/) {
    if (run.get("events") < 10e6) return std::numeric_limits<double>::quiet_NaN();
    return std::max(run.get("ready_cold_max_ms"), run.get("ready_warm_max_ms")) / 1000;
}

std::vector<Goal> goals() {
    const auto over = [](std::string name, std::string limit) {
        return [name = std::move(name), limit = std::move(limit)](const Report& run,
                                                                  const Report& limits) {
            return run.get(name) / limits.get(limit);
        };
    };
    return {
        {"server CPU per event, ingest", "ingest_saturated", "<= 2.0 verifications", 2.0, false,
         over("server_cpu_us", "verify_us")},
        {"ingest rate against 3 x 4.6 k/s at 45 us", "ingest_saturated", ">= 1", 1, true,
         [](const Report& run, const Report& limits) {
             return run.get("rate") / (3 * 4600 * 45 / limits.get("verify_us"));
         }},
        {"OK p50, 8 connections, 1 in flight", "ingest_chatty", "<= 3 fdatasync", 3, false,
         over("p50_us", "fdatasync_p50_us")},
        {"REQ author+kind 100, CPU per event", "req_author_kind100", "<= 2.5 us", 2.5, false,
         figure("server_cpu_us")},
        {"REQ 200 authors, CPU per event", "req_timeline200", "<= 5 us", 5, false,
         figure("server_cpu_us")},
        {"REQ 20 ids, CPU per event", "req_ids20", "<= 5 us", 5, false, figure("server_cpu_us")},
        {"last page / first page", "req_paginate", "<= 2", 2, false, figure("last_page_to_first")},
        {"fan-out, 100 subscribers, CPU each", "fanout_ephemeral_100", "<= 2 us", 2, false,
         figure("server_cpu_us")},
        {"fan-out, 100 subscribers, rate", "fanout_ephemeral_100", "(or >= 500 k/s)", 500, true,
         figure("rate", 1000)},
        {"fan-out, 1000 subscribers, CPU each", "fanout_ephemeral_1000", "<= 2 us", 2, false,
         figure("server_cpu_us")},
        {"fan-out, 1000 subscribers, rate", "fanout_ephemeral_1000", "(or >= 500 k/s)", 500, true,
         figure("rate", 1000)},
        {"live delivery p50, light load", "live_light", "<= 2 ms", 2, false,
         figure("p50_us", 1000)},
        {"live delivery p99, light load", "live_light", "<= 10 ms", 10, false,
         figure("p99_us", 1000)},
        {"memory per idle connection", "idle", "<= 10 KB", 10, false,
         figure("bytes_per_connection", 1000)},
        {"15,000 subscribed, 500 events/s, p99", "live_15000", "<= 50 ms", 50, false,
         figure("p99_us", 1000)},
        {"index publish, 100 k subscriptions, no match", "micro", "<= 2 us", 2, false,
         figure("index_publish/subscriptions:100000/matches:0")},
        {"index publish, 100 k subscriptions, 10 matches", "micro", "<= 5 us", 5, false,
         figure("index_publish/subscriptions:100000/matches:10")},
        {"mesh, one link, per core that both sides spend", "mesh", ">= 100 k events/s", 100, true,
         figure("per_core_of_both", 1000)},
        {"start to ready, 10 M events stored", "start", "< 2 s", 2, false, slowest_start},
    };
}

}  // namespace

std::string goal_table(const std::vector<Report>& reports) {
    const auto find = [&reports](std::string_view name) -> const Report* {
        for (const Report& report : reports) {
            if (report.name == name) return &report;
        }
        return nullptr;
    };
    std::string out = fmt::format("{:<48} {:<22} {:>10}  {}\n", "what", "goal", "result", "");
    const Report* limits = find("limits");
    const Report none;
    for (const Goal& goal : goals()) {
        const Report* run = find(goal.run);
        double value = std::numeric_limits<double>::quiet_NaN();
        if (run != nullptr) value = goal.result(*run, limits != nullptr ? *limits : none);
        std::string_view verdict = "missed";
        if (run == nullptr || std::isnan(value)) {
            verdict = "not measured";
        } else if (!run->failures.empty()) {
            verdict = "FAILED: not correct";
        } else if (goal.is_floor ? value >= goal.bound : value <= goal.bound) {
            verdict = "met";
        }
        out += fmt::format("{:<48} {:<22} {:>10.3g}  {}\n", goal.what, goal.goal, value, verdict);
    }
    // Twice, because a shared machine is not the same machine for long.
    for (const std::string_view name : {"limits", "limits_after"}) {
        const Report* machine = find(name);
        if (machine == nullptr) continue;
        out += fmt::format(
            "\n{}: one verification {:.1f} us, fdatasync p50 {:.0f} us, p99 {:.0f} us, loopback "
            "{:.0f} MB/s, {:.0f} cores, load average {:.2f}\n",
            name, machine->get("verify_us"), machine->get("fdatasync_p50_us"),
            machine->get("fdatasync_p99_us"), machine->get("loopback_mb_per_second"),
            machine->get("cores"), machine->get("load_average"));
    }
    return out;
}

}  // namespace parrhesia::bench
