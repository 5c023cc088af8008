#include "parrhesia/event/parse.hpp"

#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/export.hpp"
#include "app/store_factory.hpp"

#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <utility>

namespace parrhesia::app {
namespace {

std::unique_ptr<OutputFile> open_output(const std::optional<std::string>& path) {
    if (path) return std::make_unique<OutputFile>(*path);
    return std::make_unique<OutputFile>();
}

int finish(const Config& config, const ExportResult& result, const OutputFile* out) {
    if (result.store_error) {
        std::cerr << fmt::format(
            "parrhesia: the store ({}) cannot be read to its end: {}; {} events were read\n",
            store_words(config), result.store_error.message(), result.events);
        return kExitFailure;
    }
    // `parrhesia scan ... | head` has got what it wanted.
    if (!result.is_output_lost || out->is_pipe_closed()) return kExitOk;
    std::cerr << fmt::format("parrhesia: {}; the output is incomplete\n", out->error());
    return kExitFailure;
}

}  // namespace

int export_command(const Config& config, const ExportArguments& arguments) {
    event::Filter filter;
    if (arguments.since) filter.since = *arguments.since;
    if (arguments.until) filter.until = *arguments.until;
    const auto store = open_store(config, Purpose::read);
    const auto out = open_output(arguments.output);
    const ExportResult result = export_events(*store, {filter}, out.get());
    return finish(config, result, out.get());
}

int scan_command(const Config& config, const ScanArguments& arguments) {
    event::JsonReader json;
    auto filters = json.filters(arguments.filters);
    if (filters.has_error()) {
        std::cerr << fmt::format("parrhesia: not a filter: {}: {}\n", filters.error().text,
                                 arguments.filters);
        return kExitUsage;
    }
    const auto store = open_store(config, Purpose::read);
    if (arguments.count_only) {
        const ExportResult result = export_events(*store, std::move(*filters), nullptr);
        const int code = finish(config, result, nullptr);
        if (code == kExitOk) std::cout << result.events << '\n';
        return code;
    }
    OutputFile out;
    const ExportResult result = export_events(*store, std::move(*filters), &out);
    return finish(config, result, &out);
}

}  // namespace parrhesia::app
