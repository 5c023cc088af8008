// Connections as such: how fast they are made, and what an idle one costs.
#pragma once

#include "run.hpp"

namespace parrhesia::bench {

struct ConnectionOptions {
    CommonOptions common;
    std::size_t connections = 5000;
    std::size_t at_once = 64;  // connect: that many are being made at a time
};

// Connect, subscribe, EOSE, disconnect; latency from the start to EOSE.
[[nodiscard]] Report run_connect(const ConnectionOptions& options);

// All connections open with one subscription each, doing nothing: memory of the relay per
// connection, from its resident size before and after.
[[nodiscard]] Report run_idle(const ConnectionOptions& options);

}  // namespace parrhesia::bench
