// One link of the mesh by itself: what a relay pays to pass an event on, and to take one.
#pragma once

#include "parrhesia/mesh/options.hpp"

#include "report.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace parrhesia::bench {

struct MeshOptions {
    std::string name;
    std::uint64_t events = 1'000'000;
    std::size_t event_bytes = 700;
    std::size_t in_flight = 20'000;  // published and not yet taken: less than a lane holds
    std::string tls = "psk";         // or "off"
    // Each relay with a store of its own, so that the receiver verifies signatures.
    bool own_stores = false;
};

// Two meshes in this process, linked over loopback; each has its thread, whose CPU time the figures
// are of. Every event must arrive, once. Threading: the calling thread publishes.
// Errors: throws std::runtime_error.
[[nodiscard]] Report run_mesh(const MeshOptions& options);

}  // namespace parrhesia::bench
