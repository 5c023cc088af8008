#include "app/commands.hpp"
#include "app/corpus.hpp"
#include "app/exit_code.hpp"
#include "app/output_file.hpp"

#include <fmt/format.h>

#include <iostream>
#include <memory>

namespace parrhesia::app {

int generate_command(const GenerateArguments& arguments) {
    const auto out = arguments.output ? std::make_unique<OutputFile>(*arguments.output)
                                      : std::make_unique<OutputFile>();
    Corpus corpus(arguments.seed, arguments.authors, threads_or_cores(0));
    std::uint64_t left = arguments.count;
    bool is_written = true;
    while (left > 0 && is_written) {
        for (const event::EventPtr& event : corpus.chunk()) {
            if (left == 0) break;
            --left;
            is_written = out->write(event->json()) && out->write("\n");
        }
    }
    if (out->finish() || out->is_pipe_closed()) return kExitOk;
    std::cerr << fmt::format("parrhesia: {}; the output is incomplete\n", out->error());
    return kExitFailure;
}

}  // namespace parrhesia::app
