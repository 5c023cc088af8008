// parrhesia_bench: measures any Nostr relay by its URL (docs/benchmarks.md).
#include "app/commands.hpp"
#include "connection_run.hpp"
#include "fanout_run.hpp"
#include "goals.hpp"
#include "ingest_run.hpp"
#include "limits_run.hpp"
#include "mesh_run.hpp"
#include "optimised.hpp"
#include "report.hpp"
#include "req_run.hpp"
#include "soak_run.hpp"
#include "start_run.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <exception>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

namespace parrhesia::bench {
namespace {

struct CommandLine {
    CLI::App app{
        "Measures any Nostr relay by its URL. Every answer is checked; a run with a wrong "
        "one is FAILED and exits with 1.",
        "parrhesia_bench"};
    std::string json;
    std::string html;
    std::string svg_folder;
    CommonOptions common;
    CorpusPart corpus;
    app::GenerateArguments generate;
    IngestOptions ingest;
    ReqOptions req;
    FanoutOptions fanout;
    SoakOptions soak;
    ConnectionOptions connection;
    std::string folder = ".";
    StartOptions start;
    MeshOptions mesh;
    std::vector<std::string> results;
    std::function<std::vector<Report>()> chosen;

    CLI::App* command(const std::string& name, const std::string& about,
                      std::function<Report()> run) {
        CLI::App* command = app.add_subcommand(name, about);
        command->add_option("--json", json, "Write the result there");
        command->add_option("--html", html, "Write a page with plots there");
        command->add_option("--name", common.name, "Name of this run in reports");
        command->callback([this, run = std::move(run)] {
            chosen = [run] { return std::vector<Report>{run()}; };
        });
        return command;
    }
    CLI::App* relay_command(const std::string& name, const std::string& about,
                            std::function<Report()> run) {
        CLI::App* made = command(name, about, std::move(run));
        made->add_option("--url", common.url, "The relay: ws://host:port/")->capture_default_str();
        made->add_option("--pid", common.pid, "Process of the relay: measures its CPU and memory");
        return made;
    }
    CLI::App* corpus_command(const std::string& name, const std::string& about,
                             std::function<Report()> run) {
        CLI::App* made = relay_command(name, about, std::move(run));
        made->add_option("--corpus", corpus.path, "Events, one a line (gen)")->required();
        made->add_option("--skip", corpus.skip, "Lines of it to leave out");
        made->add_option("--count", corpus.count, "Events to take; 0: all")->capture_default_str();
        made->add_flag("--regular-kinds-only", corpus.regular_kinds_only,
                       "Leave out kinds of which a relay keeps only the newest version");
        return made;
    }
    template <class Options>
    Options filled(Options options) const {
        options.common = common;
        options.corpus = corpus;
        return options;
    }
};

void add_gen(CommandLine& line) {
    CLI::App* gen = line.app.add_subcommand("gen", "Write a corpus of signed events");
    gen->add_option("--events", line.generate.count)->capture_default_str();
    gen->add_option("--authors", line.generate.authors)->capture_default_str();
    gen->add_option("--seed", line.generate.seed)->capture_default_str();
    gen->add_option("--output", line.generate.output, "A file; standard output without it");
    gen->callback([&line] {
        line.chosen = [&line] {
            if (app::generate_command(line.generate) != 0) {
                throw std::runtime_error("the corpus could not be written");
            }
            return std::vector<Report>{};
        };
    });
}

void add_ingest_and_req(CommandLine& line) {
    CLI::App* ingest =
        line.corpus_command("ingest", "Publish a corpus and check every OK",
                            [&line] { return IngestRun(line.filled(line.ingest)).run(); });
    ingest->add_option("--connections", line.ingest.connections)->capture_default_str();
    ingest->add_option("--in-flight", line.ingest.in_flight, "On each connection")
        ->capture_default_str();
    ingest->add_option("--rate", line.ingest.rate, "Events a second; 0: saturation");

    CLI::App* req = line.corpus_command("req", "Ask a relay that holds exactly this corpus",
                                        [&line] { return ReqRun(line.filled(line.req)).run(); });
    req->add_option("--mix", line.req.mix)
        ->check(CLI::IsMember(mix_names()))
        ->capture_default_str();
    req->add_option("--connections", line.req.connections)->capture_default_str();
    req->add_option("--requests", line.req.requests)->capture_default_str();
    req->add_option("--distinct", line.req.distinct, "Different queries")->capture_default_str();
    req->add_option("--limit", line.req.limit)->capture_default_str();
    req->add_option("--rate", line.req.rate, "Requests a second; 0: saturation");
}

// What fanout and soak have in common.
template <class Options>
void add_live_options(CLI::App* command, CorpusPart& corpus, Options& options) {
    command->add_flag("--ephemeral", corpus.as_ephemeral,
                      "Wrapped into ephemeral events, which are delivered without being stored");
    command->add_option("--by", options.by, "everything, authors, kinds or tags")
        ->capture_default_str();
    command->add_option("--subscribers", options.subscribers)
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command->add_option("--publishers", options.publishers)
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command->add_option("--authors-per-filter", options.authors_per_filter)->capture_default_str();
}

void add_fanout_and_soak(CommandLine& line) {
    CLI::App* fanout = line.corpus_command("fanout", "Live delivery to many subscribers", [&line] {
        FanoutOptions options = line.filled(line.fanout);
        options.corpus.regular_kinds_only = true;
        return FanoutRun(options).run();
    });
    add_live_options(fanout, line.corpus, line.fanout);
    fanout->add_option("--rate", line.fanout.rate, "Events a second; 0: saturation");
    fanout->add_option(
        "--subscribe-url", line.fanout.subscribe_urls,
        "Another relay of the cluster of --url, with the subscribers; may be repeated");
    fanout->add_option("--window", line.fanout.window, "Events under way at saturation")
        ->capture_default_str();

    CLI::App* soak = line.corpus_command(
        "soak",
        "The same at a fixed rate, for as long as the corpus lasts, while subscribers change",
        [&line] {
            SoakOptions options = line.filled(line.soak);
            options.corpus.regular_kinds_only = true;
            return SoakRun(options).run();
        });
    add_live_options(soak, line.corpus, line.soak);
    soak->add_option("--rate", line.soak.rate, "Events a second")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    soak->add_option(
            "--churn", line.soak.churn,
            "Changes a second: subscriptions closed and connections cut, and others opened")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
}

void add_others(CommandLine& line) {
    const auto options = [&line] {
        ConnectionOptions result = line.connection;
        result.common = line.common;
        return result;
    };
    CLI::App* connect = line.relay_command("connect", "Connect, subscribe, disconnect",
                                           [options] { return run_connect(options()); });
    CLI::App* idle = line.relay_command("idle", "Memory per idle connection",
                                        [options] { return run_idle(options()); });
    connect->add_option("--at-once", line.connection.at_once)->capture_default_str();
    for (CLI::App* command : {connect, idle}) {
        command->add_option("--connections", line.connection.connections)->capture_default_str();
    }
    CLI::App* limits = line.command("limits", "What this machine can do at all", [&line] {
        Report report = run_limits(line.folder);
        if (!line.common.name.empty()) report.name = line.common.name;
        return report;
    });
    limits->add_option("--folder", line.folder, "On the disk of the store")->capture_default_str();

    CLI::App* report = line.app.add_subcommand("report", "Results together, against the goals");
    report->add_option("results", line.results, "Files of --json")->required();
    report->add_option("--html", line.html, "Write a page with plots there");
    report->add_option("--svg", line.svg_folder, "Write the plots of each result there, NAME.svg");
    report->callback([&line] {
        line.chosen = [&line] {
            std::vector<Report> reports;
            for (const std::string& path : line.results) reports.push_back(read_report(path));
            return reports;
        };
    });
}

void add_mesh(CommandLine& line) {
    CLI::App* mesh =
        line.command("mesh", "One link between two relays, by itself, in this process", [&line] {
            line.mesh.name = line.common.name;
            return run_mesh(line.mesh);
        });
    mesh->add_option("--events", line.mesh.events)
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    mesh->add_option("--bytes", line.mesh.event_bytes, "Of an event's JSON")->capture_default_str();
    mesh->add_option("--tls", line.mesh.tls)
        ->check(CLI::IsMember({"psk", "off"}))
        ->capture_default_str();
    mesh->add_flag("--own-stores", line.mesh.own_stores,
                   "Relays with a store each: the receiver verifies signatures");
}

void add_start(CommandLine& line) {
    CLI::App* fill = line.command("fill", "Make a store of many unsigned events, fast", [&line] {
        line.start.filled.name = line.common.name;
        return run_fill(line.start.filled);
    });
    CLI::App* start = line.command(
        "start", "Start the relay on a store that fill has made, until it answers", [&line] {
            line.start.filled.name = line.common.name;
            return run_start(line.start);
        });
    for (CLI::App* command : {fill, start}) {
        command->add_option("--store", line.start.filled.folder, "The folder of the store")
            ->required();
        command->add_option("--events", line.start.filled.events)
            ->check(CLI::PositiveNumber)
            ->capture_default_str();
        command->add_option("--seed", line.start.filled.seed)->capture_default_str();
    }
    start->add_option("--relay", line.start.relay, "The program parrhesia")->required();
    start
        ->add_option("--starts", line.start.starts, "So many with an empty page cache, and without")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
}

int main_of(int argc, char** argv) {
    CommandLine line;
    line.app.require_subcommand(1);
    add_gen(line);
    add_ingest_and_req(line);
    add_fanout_and_soak(line);
    add_others(line);
    add_mesh(line);
    add_start(line);
    CLI11_PARSE(line.app, argc, argv);
    if (refuses_this_build("parrhesia_bench")) return 1;
    raise_descriptor_limit();
    const std::vector<Report> reports = line.chosen();
    if (reports.empty()) return 0;
    std::string text = to_table(reports);
    const std::string goals = line.results.empty() ? "" : goal_table(reports);
    if (!goals.empty()) text += "\n" + goals;
    std::cout << text;
    if (!line.json.empty()) write_file(line.json, to_json(reports.front()));
    if (!line.html.empty()) write_file(line.html, to_html(reports, goals));
    if (!line.svg_folder.empty()) {
        for (const Report& report : reports) {
            if (report.latency_us.empty()) continue;
            write_file(line.svg_folder + "/" + report.name + ".svg", to_svg(report));
        }
    }
    bool is_correct = true;
    for (const Report& report : reports) is_correct = is_correct && report.failures.empty();
    return is_correct ? 0 : 1;
}

}  // namespace
}  // namespace parrhesia::bench

int main(int argc, char** argv) {
    try {
        return parrhesia::bench::main_of(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "parrhesia_bench: " << error.what() << "\n";
        return 1;
    }
}
