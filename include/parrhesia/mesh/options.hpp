// What a node of the mesh has to know.
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/mesh/discovery.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace parrhesia::mesh {

enum class Tls : std::uint8_t { off, psk, mtls };
// Of batches: automatic when the round trip is above 10 ms.
enum class Compression : std::uint8_t { automatic, always, never };

// Random bytes, which all nodes have.
using ClusterSecret = std::array<std::uint8_t, 32>;

// How much there is to do for a node's clients.
struct Load {
    std::uint32_t connections = 0;
    std::uint32_t subscriptions = 0;
};

struct MeshOptions {
    std::string cluster;
    base::NodeId node;
    std::uint64_t boot = 0;  // greater than at every earlier start
    std::string software;    // version, for people
    std::string listen_host = "127.0.0.1";
    std::uint16_t listen_port = 7447;  // 0: any free one
    std::string advertise;             // host:port; empty: where it listens
    // One database for all nodes, named by log_id: positions mean the same everywhere, and its
    // events need no second verification. Else each node has its own store.
    bool shared_database = false;
    // With a shared database; empty: not known yet, and no link is made before set_log_id().
    std::string log_id;
    std::vector<std::string> targets;  // host:port of other nodes, dialled for ever
    std::vector<DiscoverySource> dns;  // of the kinds dns and srv
    // What the other nodes are told of this one. On the mesh's thread; must not block.
    std::function<Load()> load = nullptr;

    Tls tls = Tls::psk;
    ClusterSecret secret{};
    std::vector<ClusterSecret> accepted_secrets;
    std::string certificate_file;  // these three for mtls
    std::string certificate_key_file;
    std::string ca_file;

    std::chrono::milliseconds heartbeat{1000};
    std::chrono::milliseconds suspect{3000};
    std::chrono::milliseconds dead{6000};
    std::size_t max_peers = 32;
    std::uint32_t max_frame_bytes = 1u << 20;
    std::size_t marmot_queue_bytes = std::size_t{16} << 20;  // of each peer
    std::size_t generic_queue_bytes = std::size_t{32} << 20;
    std::size_t ephemeral_queue_bytes = std::size_t{4} << 20;
    std::chrono::milliseconds ephemeral_expiry{5000};
    Compression compression = Compression::automatic;
};

}  // namespace parrhesia::mesh
