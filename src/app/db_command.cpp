#include "app/commands.hpp"
#include "app/copy.hpp"
#include "app/copy_progress.hpp"
#include "app/exit_code.hpp"
#include "app/stop_signals.hpp"
#include "app/store_factory.hpp"
#include "app/store_name.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

namespace parrhesia::app {
namespace {

constexpr std::uint64_t kShownRefusals = 20;

struct Ends {
    Config from;
    Config to;
    std::string from_words;
    std::string to_words;
};

std::optional<Ends> ends_of(const Config& config, const CopyArguments& arguments) {
    NamedStore from = named_store(config, arguments.from);
    NamedStore to = named_store(config, arguments.to);
    // A rule would take away what was just copied, behind the back of the counts. The relay
    // applies it.
    to.config.retention.rules.clear();
    if (!from.error.empty()) std::cerr << fmt::format("parrhesia: --from: {}\n", from.error);
    if (!to.error.empty()) std::cerr << fmt::format("parrhesia: --to: {}\n", to.error);
    if (!from.error.empty() || !to.error.empty()) return std::nullopt;
    Ends ends{std::move(from.config), std::move(to.config), {}, {}};
    ends.from_words = identity_of(ends.from);
    ends.to_words = identity_of(ends.to);
    if (ends.from_words == ends.to_words) {
        std::cerr << fmt::format("parrhesia: --from and --to are the same store ({})\n",
                                 ends.from_words);
        return std::nullopt;
    }
    return ends;
}

void say_how_to_go_on(const CopyArguments& arguments) {
    std::cerr << (arguments.resume
                      ? "run the same command again to copy the rest\n"
                      : "run the same command again to copy the rest: what the target has already "
                        "is read again and counts as duplicate (--resume FILE avoids that)\n");
}

// Whether the target has at least what it must have.
int verify(store::EventStore& target, const CopyResult& result, const ImportReport& report,
           StopSignals& signals) {
    const auto found = count_events(target, [&signals] { return signals.requested(); });
    if (signals.signal() != 0) {
        std::cerr << "parrhesia: stopped while the target's events were counted\n";
        return kExitSignalBase + signals.signal();
    }
    if (!found) {
        std::cerr << "parrhesia: the target's events cannot be counted: it cannot be read\n";
        return kExitFailure;
    }
    std::cout << fmt::format("the target has {} events; at least {} were to be expected\n", *found,
                             result.expected);
    if (*found < result.expected) {
        std::cerr << "parrhesia: the target lacks events: were some removed there meanwhile? If "
                     "not, run the same command again\n";
        return kExitFailure;
    }
    return report.counts().refused == 0 ? kExitOk : kExitSomeRefused;
}

}  // namespace

int db_migrate_command(const Config& config) {
    if (is_embedded(config)) {
        std::cout << "schema: none; the embedded store needs no migration\n";
        return kExitOk;
    }
    const store::Migration done = store::migrate_postgres(postgres_options(config, Purpose::write));
    if (done.found == done.reached) {
        std::cout << fmt::format("schema: {}, up to date\n", done.found);
    } else {
        std::cout << fmt::format("schema: {} -> {}\n", done.found, done.reached);
    }
    return kExitOk;
}

int db_status_command(const Config& config) {
    std::cout << fmt::format("store: {}\n", store_words(config)) << std::flush;
    // Throws, with the reason, when there is none, or when its schema is another one.
    const auto store = open_store(config, Purpose::read);
    if (!is_embedded(config)) {
        std::cout << fmt::format("schema: {}, as this build needs\n",
                                 store::postgres_schema_version());
    }
    const store::StoreStats stats = store->stats();
    std::cout << fmt::format("events: {}\ntombstones: {}\nbytes: {}\n", stats.events,
                             stats.tombstones, stats.bytes_on_disk);
    return kExitOk;
}

int db_copy_command(const Config& config, const CopyArguments& arguments) {
    const auto ends = ends_of(config, arguments);
    if (!ends) return kExitUsage;
    StopSignals signals;  // before any thread is started
    const base::SystemClock clock;
    std::optional<CopyProgress> progress;
    CopyOptions options;
    if (arguments.resume) {
        progress.emplace(*arguments.resume, ends->from_words, ends->to_words, clock);
        if (const auto checkpoint = progress->load()) {
            options.from = *checkpoint;
            std::cerr << fmt::format("going on after {} events, at created_at {}\n",
                                     checkpoint->events, checkpoint->until);
        }
    }
    const auto source = open_store(ends->from, Purpose::read);
    const auto target = open_store(ends->to, Purpose::write);

    options.batch_events = config.store.max_batch_events;
    options.stop_requested = [&signals] { return signals.requested(); };
    options.save = [&progress](const CopyCheckpoint& checkpoint) {
        if (progress) progress->save(checkpoint);
    };
    // What has expired and is not removed yet counts as well: a little too much.
    const std::uint64_t all = source->stats().events;
    const std::uint64_t left = all - std::min(all, options.from.events);
    ImportReport report(std::cerr, clock,
                        {::isatty(STDERR_FILENO) == 1, kShownRefusals, left, "events", "event"});
    const CopyResult result = copy_events(*source, *target, options, report);
    report.end_progress();
    std::cout << report.summary() << std::flush;
    if (progress) progress->flush();
    switch (result.end) {
        case CopyEnd::complete:
            break;
        case CopyEnd::stopped:
            std::cerr << "parrhesia: stopped; ";
            say_how_to_go_on(arguments);
            return kExitSignalBase + signals.signal();
        case CopyEnd::source_failed:
            std::cerr << fmt::format("parrhesia: the source ({}) cannot be read: {}; ",
                                     ends->from_words, result.error);
            say_how_to_go_on(arguments);
            return kExitFailure;
        case CopyEnd::target_failed:
            std::cerr << fmt::format("parrhesia: the target ({}) did not take {}; ", ends->to_words,
                                     result.error);
            say_how_to_go_on(arguments);
            return kExitFailure;
    }
    const int code = verify(*target, result, report, signals);
    // One that was stopped while it counted need not copy again.
    if (progress && signals.signal() == 0) progress->remove();
    return code;
}

}  // namespace parrhesia::app
