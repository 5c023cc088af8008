// parrhesia_micro: what one call costs (docs/benchmarks.md), with Google Benchmark.
#include "micro/result_collector.hpp"
#include "optimised.hpp"

#include <benchmark/benchmark.h>

#include <exception>
#include <iostream>
#include <string>
#include <string_view>

namespace parrhesia::bench {
namespace {

constexpr std::string_view kJsonOption = "--json=";

int main_of(int argc, char** argv) {
    if (refuses_this_build("parrhesia_micro")) return 1;
    benchmark::Initialize(&argc, argv);
    std::string json;
    if (argc == 2 && std::string_view(argv[1]).starts_with(kJsonOption)) {
        json = std::string_view(argv[1]).substr(kJsonOption.size());
    } else if (argc > 1) {
        std::cerr << "parrhesia_micro: unknown argument " << argv[argc - 1]
                  << "; --json=FILE writes the results for parrhesia_bench report, --help lists "
                     "the options of Google Benchmark\n";
        return 64;
    }
    ResultCollector collector;
    const std::size_t run = benchmark::RunSpecifiedBenchmarks(&collector);
    benchmark::Shutdown();
    if (run == 0) {
        std::cerr << "parrhesia_micro: no benchmark has such a name\n";
        return 1;
    }
    const Report& report = collector.report();
    if (!json.empty()) write_file(json, to_json(report));
    for (const std::string& failure : report.failures) {
        std::cerr << "parrhesia_micro: FAILED: " << failure << "\n";
    }
    return report.failures.empty() ? 0 : 1;
}

}  // namespace
}  // namespace parrhesia::bench

int main(int argc, char** argv) {
    try {
        return parrhesia::bench::main_of(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "parrhesia_micro: " << error.what() << "\n";
        return 1;
    }
}
