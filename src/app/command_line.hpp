// The command line: understands it, reads the configuration, runs the command.
#pragma once

#include "app/config.hpp"

#include <functional>

namespace parrhesia::app {

// Runs the relay until it is told to stop; gives the exit code.
using RunRelay = std::function<int(const Config&)>;

// Gives the exit code (exit_code.hpp); never throws. `environ_block` as in environ(7). Sets up
// logging before it runs a command.
[[nodiscard]] int run_command_line(int argc, const char* const* argv,
                                   const char* const* environ_block, const RunRelay& run_relay);

}  // namespace parrhesia::app
