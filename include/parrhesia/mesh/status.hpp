// What a node knows of its cluster, for `cluster status`, /cluster and tests.
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/error.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::mesh {

struct LaneStatus {
    std::uint64_t queued_bytes = 0;
    std::uint64_t queued_events = 0;
    bool gapped = false;
    std::uint64_t dropped = 0;
    std::uint64_t expired = 0;
};

struct PeerStatus {
    base::NodeId node;
    std::uint64_t boot = 0;
    std::string address;
    std::string software;
    std::string state;  // known, up, suspect, down, left
    // While there is a link:
    bool dialled_by_us = false;
    std::chrono::microseconds round_trip{0};
    std::chrono::milliseconds silence{0};
    std::array<LaneStatus, 4> lanes;  // control, marmot, generic, ephemeral
    std::uint64_t events_sent = 0;
    std::uint64_t events_received = 0;
    std::vector<base::NodeId> sees;  // by its last heartbeat
    std::uint32_t connections = 0;
    std::uint32_t subscriptions = 0;
};

struct NodeStatus {
    std::string cluster;
    base::NodeId node;
    std::uint64_t boot = 0;
    std::string address;
    std::string software;
    std::string topology;           // shared, replicated
    std::string log_id;             // of the shared database; empty: none, or not known yet
    std::vector<PeerStatus> peers;  // by node id
    std::string partition;          // none, peer_dead, cut_link, partial, full_split
    std::vector<std::pair<base::NodeId, base::NodeId>> cut_links;
    std::vector<base::NodeId> unseen;
};

// For /cluster.
[[nodiscard]] std::string to_json(const NodeStatus& status);
// What to_json() has written, also by another version: fields that are not there keep their
// defaults, unknown ones are passed over. Errors: Errc::malformed_message with what is wrong.
[[nodiscard]] base::Checked<NodeStatus> parse_status(const std::string& json);

}  // namespace parrhesia::mesh
