// The metrics of the mesh, registered once.
#pragma once

#include "parrhesia/base/metrics.hpp"
#include "parrhesia/protocol/peer_frame.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

namespace parrhesia::mesh {

struct MeshMetrics {
    explicit MeshMetrics(base::MetricsRegistry& the_registry)
        : registry(the_registry),
          dials(registry.counter("parrhesia_mesh_dials_total", "Connections tried to peers")),
          pauses(registry.counter("parrhesia_mesh_own_pauses_total",
                                  "Times this process was not running for two seconds, or half of "
                                  "cluster.dead_ms")),
          partition_changes(registry.counter("parrhesia_mesh_partitions_total",
                                             "Partitions seen from this node")),
          inbox_dropped(registry.counter("parrhesia_mesh_inbox_dropped_total",
                                         "Events not handed to the mesh's thread because too many "
                                         "waited for it")),
          delivery_seconds(registry.histogram(
              "parrhesia_mesh_delivery_seconds",
              "From the commit on the origin to this node's fan-out: the age the origin says, and "
              "half a round trip",
              base::latency_buckets(0.0001, 10))) {
        for (std::size_t i = 0; i < protocol::kLanes; ++i) {
            const base::Labels lane{
                {"lane", std::string(protocol::to_text(static_cast<protocol::Lane>(i)))}};
            received[i] = &registry.counter("parrhesia_mesh_events_received_total",
                                            "Events that came from peers", lane);
            sent[i] = &registry.counter("parrhesia_mesh_events_published_total",
                                        "Events of this node offered to its peers", lane);
            gaps[i] = &registry.counter("parrhesia_mesh_gaps_received_total",
                                        "Times a peer dropped what waited for this node", lane);
            gap_events[i] = &registry.counter("parrhesia_mesh_gap_events_total",
                                              "Events that peers dropped for this node", lane);
        }
    }

    // For one peer or reason, which is not known before.
    [[nodiscard]] base::Gauge& peers(const std::string& state) const {
        return registry.gauge("parrhesia_mesh_peers", "Peers, by state", {{"state", state}});
    }
    [[nodiscard]] base::Gauge& partition(const std::string& kind) const {
        return registry.gauge("parrhesia_mesh_partition", "1 for the partition seen from this node",
                              {{"kind", kind}});
    }
    [[nodiscard]] base::Counter& link_ends(const std::string& reason) const {
        return registry.counter("parrhesia_mesh_link_ends_total", "Links that ended, by reason",
                                {{"reason", reason}});
    }
    [[nodiscard]] base::Counter& refusals(const std::string& code) const {
        return registry.counter("parrhesia_mesh_handshake_failures_total",
                                "Handshakes refused by either side, by reason", {{"code", code}});
    }
    [[nodiscard]] base::Counter& refused_events(const std::string& reason) const {
        return registry.counter("parrhesia_mesh_refused_events_total",
                                "Events of peers that no honest node sends", {{"reason", reason}});
    }
    [[nodiscard]] base::Counter& dropped(const std::string& lane, const std::string& reason) const {
        return registry.counter("parrhesia_mesh_dropped_total",
                                "Events that did not fit a peer's queue, waited too long there, or "
                                "still did, or had no ACK, when the link ended",
                                {{"lane", lane}, {"reason", reason}});
    }
    [[nodiscard]] base::Gauge& queue_bytes(const std::string& peer, const std::string& lane) const {
        return registry.gauge("parrhesia_mesh_queue_bytes", "Bytes that wait for a peer",
                              {{"peer", peer}, {"lane", lane}});
    }
    [[nodiscard]] base::Gauge& round_trip_us(const std::string& peer) const {
        return registry.gauge("parrhesia_mesh_round_trip_microseconds",
                              "To a peer and back, smoothed", {{"peer", peer}});
    }

    base::MetricsRegistry& registry;
    base::Counter& dials;
    base::Counter& pauses;
    base::Counter& partition_changes;
    base::Counter& inbox_dropped;
    base::Histogram& delivery_seconds;
    std::array<base::Counter*, protocol::kLanes> received{};
    std::array<base::Counter*, protocol::kLanes> sent{};
    std::array<base::Counter*, protocol::kLanes> gaps{};
    std::array<base::Counter*, protocol::kLanes> gap_events{};
};

}  // namespace parrhesia::mesh
