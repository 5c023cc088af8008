// The running relay: wires store, pipeline and listeners together, and takes them apart again.
#pragma once

#include "app/config.hpp"

namespace parrhesia::app {

// Runs until SIGINT or SIGTERM, then stops accepting, commits what was taken, says goodbye to the
// clients and returns an exit code (exit_code.hpp). A second signal kills.
//
// Prints `listening ws://ADDRESS:PORT` and `admin http://ADDRESS:PORT` to standard output once it
// serves. Call it from the main thread before any other thread exists.
//
// Errors: throws std::runtime_error when the store cannot be opened or a port not be bound.
[[nodiscard]] int run_relay(const Config& config);

}  // namespace parrhesia::app
