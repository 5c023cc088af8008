// How long a relay takes to be ready with many events stored.
#pragma once

#include "report.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace parrhesia::bench {

struct FillOptions {
    std::string name;    // of the report; the mode's when empty
    std::string folder;  // of the store; made when missing
    std::uint64_t events = 1'000'000;
    std::uint64_t seed = 1;
};

// Makes a store of unsigned events (unsigned_events.hpp), fast.
// Errors: throws std::runtime_error, also when the folder holds events already.
[[nodiscard]] Report run_fill(const FillOptions& options);

struct StartOptions {
    FillOptions filled;  // what run_fill() was told
    std::string relay;   // the program parrhesia
    std::size_t starts = 5;
};

// Starts the relay on the store so many times with the store in the page cache, and as often
// without (as after a reboot). Each start ends with a REQ of the oldest and the newest event.
// Errors: throws std::runtime_error when the relay cannot be started.
[[nodiscard]] Report run_start(const StartOptions& options);

}  // namespace parrhesia::bench
