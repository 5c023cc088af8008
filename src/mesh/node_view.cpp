// What a node sees of its cluster, and says of it: views, partitions, metrics, status.
#include "parrhesia/base/log.hpp"

#include "mesh/node.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::mesh {
namespace {

using protocol::PeerState;
using namespace std::chrono_literals;

// Nodes that just came up are still making their links: no partition.
constexpr std::chrono::milliseconds kSettling = 3s;
// Peers find out about the same failure up to a heartbeat apart. Before that has passed, a node
// that died looks like one that only some have lost.
constexpr std::chrono::milliseconds kSteadyCut = 1200ms;
constexpr std::chrono::milliseconds kSteadyVerdict = 500ms;
// Metrics have labels, and labels cost time.
constexpr std::chrono::milliseconds kMetricsEvery = 1s;

}  // namespace

void Node::refresh_suspects() {
    NodeSet suspects;
    for (const auto& [node, peer] : peers_) {
        const Link* link = find(peer.link);
        if (link != nullptr && link->is_suspect()) suspects.insert(node);
    }
    if (suspects == suspects_) return;
    suspects_ = std::move(suspects);
    ++view_version_;
    refresh_view();
}

void Node::refresh_view() {
    std::vector<base::NodeId> up;
    for (const auto& [node, peer] : peers_) {
        if (peer.link != 0 && !suspects_.contains(node)) up.push_back(node);
    }
    for (auto& [number, entry] : links_) {
        if (entry.link) {
            entry.link->set_view(view_version_, up, connections_, subscriptions_);
        }
    }
}

void Node::judge_partition(base::SteadyTime now) {
    LinkMatrix matrix;
    NodeSet expected;
    NodeSet& own = matrix[options_.link.self.node];
    for (const auto& [node, peer] : peers_) {
        if (peer.link != 0 && !suspects_.contains(node)) own.insert(node);
        if (now - peer.up_since < kSettling) continue;
        if (own.contains(node)) matrix[node] = peer.sees;
        if (peer.state != PeerState::left) expected.insert(node);
    }
    // A link that is only silent for a while: not dead yet, for all that anybody knows.
    std::erase_if(expected, [&](const base::NodeId& node) {
        return suspects_.contains(node) && std::ranges::none_of(matrix, [&](const auto& row) {
                   return row.second.contains(node);
               });
    });
    MatrixVerdict verdict = judge(options_.link.self.node, matrix, expected, alive_elsewhere_);
    if (verdict != candidate_) {
        candidate_ = std::move(verdict);
        candidate_since_ = now;
    }
    const auto steady = candidate_.cut.empty() ? kSteadyVerdict : kSteadyCut;
    if (now - candidate_since_ < steady || candidate_ == verdict_) return;
    verdict_ = candidate_;
    if (verdict_.partition == Partition::none) {
        base::log::info("mesh: all nodes see each other again");
        return;
    }
    metrics_.partition_changes.add();
    std::string detail;
    for (const auto& node : verdict_.unseen) detail += fmt::format(" unseen {}", short_name(node));
    for (const auto& [a, b] : verdict_.cut) {
        detail += fmt::format(" cut {}-{}", short_name(a), short_name(b));
    }
    base::log::warn("mesh: {} seen from here:{}", to_text(verdict_.partition), detail);
}

void Node::update_metrics(base::SteadyTime now) {
    if (now < next_metrics_) return;
    next_metrics_ = now + kMetricsEvery;
    constexpr std::array kStates{PeerState::known, PeerState::up, PeerState::suspect,
                                 PeerState::down, PeerState::left};
    std::array<std::int64_t, kStates.size()> counts{};
    auto drops = drops_of_ended_;
    for (const auto& [node, peer] : peers_) {
        const Link* link = find(peer.link);
        const bool suspect = link != nullptr && link->is_suspect();
        ++counts[static_cast<std::size_t>(suspect ? PeerState::suspect : peer.state)];
        const std::string name = short_name(node);
        metrics_.round_trip_us(name).set(link == nullptr ? 0 : link->round_trip().count());
        for (std::size_t i = 1; i < protocol::kLanes; ++i) {
            const auto lane = static_cast<protocol::Lane>(i);
            const std::size_t bytes = link == nullptr ? 0 : link->lane(lane).bytes();
            metrics_.queue_bytes(name, std::string(protocol::to_text(lane)))
                .set(static_cast<std::int64_t>(bytes));
            if (link == nullptr) continue;
            drops[i].overflow += link->lane(lane).drops().overflow;
            drops[i].expired += link->lane(lane).drops().expired;
        }
    }
    const auto raise = [](base::Counter& counter, std::uint64_t value) {
        counter.add(value - std::min(value, counter.value()));
    };
    for (std::size_t i = 0; i < kStates.size(); ++i) {
        metrics_.peers(std::string(protocol::to_text(kStates[i]))).set(counts[i]);
    }
    for (std::size_t i = 1; i < protocol::kLanes; ++i) {
        const std::string lane(protocol::to_text(static_cast<protocol::Lane>(i)));
        raise(metrics_.dropped(lane, "overflow"), drops[i].overflow);
        raise(metrics_.dropped(lane, "expired"), drops[i].expired);
        raise(metrics_.dropped(lane, "link_ended"), drops[i].cut_off);
    }
    for (const Partition kind :
         {Partition::peer_dead, Partition::cut_link, Partition::partial, Partition::full_split}) {
        metrics_.partition(std::string(to_text(kind))).set(verdict_.partition == kind ? 1 : 0);
    }
}

NodeStatus Node::status(base::SteadyTime now) const {
    NodeStatus status;
    const protocol::Hello& self = options_.link.self;
    status.cluster = self.cluster;
    status.node = self.node;
    status.boot = self.boot;
    status.address = self.address;
    status.software = self.software;
    status.topology = self.topology == protocol::Topology::shared ? "shared" : "replicated";
    status.log_id = self.log_id;
    status.partition = to_text(verdict_.partition);
    status.cut_links = verdict_.cut;
    status.unseen = verdict_.unseen;
    for (const auto& [node, peer] : peers_) {
        PeerStatus& row = status.peers.emplace_back();
        row.node = node;
        row.boot = peer.boot;
        row.address = peer.address;
        row.software = peer.software;
        row.state = protocol::to_text(peer.state);
        const Link* link = find(peer.link);
        if (link == nullptr) continue;
        if (link->is_suspect()) row.state = protocol::to_text(PeerState::suspect);
        row.dialled_by_us = link->side() == Link::Side::dialler;
        row.round_trip = link->round_trip();
        row.silence =
            std::chrono::duration_cast<std::chrono::milliseconds>(now - link->last_heard());
        row.events_sent = link->counters().events_sent;
        row.events_received = link->counters().events_received;
        row.sees.assign(peer.sees.begin(), peer.sees.end());
        row.connections = peer.heard.connections;
        row.subscriptions = peer.heard.subscriptions;
        for (std::size_t i = 0; i < row.lanes.size(); ++i) {
            const LaneQueue& lane = link->lane(static_cast<protocol::Lane>(i));
            row.lanes[i] = {lane.bytes(), lane.size(), lane.is_gapped(), lane.drops().overflow,
                            lane.drops().expired};
        }
    }
    return status;
}

}  // namespace parrhesia::mesh
