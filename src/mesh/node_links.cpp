// What a node makes of what its links tell it: which of them are kept, who is there, what came.
#include "parrhesia/base/log.hpp"

#include "mesh/node.hpp"

#include <algorithm>
#include <utility>

namespace parrhesia::mesh {

using protocol::PeerErrorCode;
using protocol::PeerState;

// Which of two links of one pair stays is decided alike on both sides: the one that the node with
// the smaller id dialled; of two by the same, the newer, for the older is a leftover of a restart.
std::optional<protocol::PeerError> Node::refuse_second(const Link& link,
                                                       const protocol::Hello& peer,
                                                       const Link& present) const {
    const base::NodeId& self = options_.link.self.node;
    if (peer.boot != present.peer().boot) {
        const bool fresh = now_ - present.last_heard() < present.heartbeat() * 3 / 2;
        if (peer.address != present.peer().address && fresh && !present.is_suspect()) {
            return protocol::PeerError{
                PeerErrorCode::duplicate_node,
                "another live relay at " + present.peer().address + " has the node id " +
                    base::to_hex(peer.node) +
                    ": remove node.id and node.boot from the data folder of the copy",
                60};
        }
        if (peer.boot > present.peer().boot) return std::nullopt;  // it has started again
        return protocol::PeerError{PeerErrorCode::duplicate_link, "a later start is linked", 0};
    }
    const auto dialler = [&](const Link& of) {
        return of.side() == Link::Side::dialler ? self : peer.node;
    };
    if (dialler(link) == dialler(present) || present.is_suspect()) return std::nullopt;
    if (dialler(link) == std::min(self, peer.node)) return std::nullopt;
    return protocol::PeerError{PeerErrorCode::duplicate_link, "this pair has a link", 0};
}

std::optional<protocol::PeerError> Node::admit(Link& link, const protocol::Hello& peer) {
    if (leaving_) return protocol::PeerError{PeerErrorCode::overload, "shutting down", 1};
    if (Link* present = active_link(peer.node)) return refuse_second(link, peer, *present);
    if (peers_up() >= options_.max_peers) {
        return protocol::PeerError{PeerErrorCode::overload,
                                   "as many peers as cluster.max_peers allows", 60};
    }
    return std::nullopt;
}

void Node::on_up(Link& link) {
    const protocol::Hello& hello = link.peer();
    // Since admit(), another link of this pair may have come up.
    if (Link* present = active_link(hello.node)) {
        if (const auto error = refuse_second(link, hello, *present)) {
            return link.refuse(LinkEnd::replaced, *error);
        }
        peers_[hello.node].link = 0;
        link.adopt_queues(*present);
        present->refuse(LinkEnd::replaced,
                        {PeerErrorCode::duplicate_link, "this pair has a better link", 0});
        settle(present->number(), now_);
    }
    Peer& peer = peers_[hello.node];
    if (peer.state != PeerState::up || peer.boot != hello.boot) {
        base::log::info("mesh: link to {} ({}, {}) is up", short_name(hello.node), hello.address,
                        hello.software);
        peer.up_since = now_;
    }
    peer.boot = hello.boot;
    peer.address = hello.address;
    peer.software = hello.software;
    peer.state = PeerState::up;
    peer.changed_at = now_;
    peer.link = link.number();
    peer.is_replacing = false;
    link.resume(std::exchange(peer.waiting, {}));
    const Entry& entry = links_.at(link.number());
    if (entry.dialled) plan_.on_linked(entry.address, hello.node);
    if (!hello.address.empty()) {
        plan_.add(hello.address, Origin::gossip, now_);
        plan_.on_linked(hello.address, hello.node);
    }
    ++view_version_;
    refresh_view();
    announce_peers();
    events_.on_peers_up(peers_up());
}

void Node::announce_peers() {
    std::vector<protocol::ListedPeer> list;
    for (const auto& [node, peer] : peers_) {
        if (peer.address.empty() || list.size() >= protocol::kMaxListedPeers) continue;
        if (peer.state == PeerState::up)
            list.push_back({node, peer.boot, peer.address, peer.state});
    }
    for (auto& [number, entry] : links_) {
        if (entry.link) entry.link->send_peers(list);
    }
}

void Node::on_peers(Link& /*link*/, const std::vector<protocol::ListedPeer>& peers) {
    for (const auto& listed : peers) {
        if (listed.node == options_.link.self.node || listed.address.empty()) continue;
        plan_.add(listed.address, Origin::gossip, now_);
        if (active_link(listed.node) != nullptr) plan_.on_linked(listed.address, listed.node);
    }
}

void Node::on_heartbeat(Link& link, const protocol::Heartbeat& heartbeat) {
    const auto found = peers_.find(link.peer().node);
    if (found == peers_.end() || found->second.link != link.number()) return;
    found->second.sees = NodeSet(heartbeat.up.begin(), heartbeat.up.end());
    found->second.heard = heartbeat;
}

void Node::on_batch(Link& link, protocol::Lane lane, const protocol::EventBatch& batch,
                    std::size_t bytes) {
    metrics_.received[static_cast<std::size_t>(lane)]->add(batch.events.size());
    events_.on_batch(link.number(), lane, batch, bytes);
}

void Node::on_gap(Link& link, protocol::Lane lane, const protocol::Gap& gap) {
    metrics_.gaps[static_cast<std::size_t>(lane)]->add();
    metrics_.gap_events[static_cast<std::size_t>(lane)]->add(gap.dropped);
    base::log::warn("mesh: {} dropped {} {} events that waited for this relay",
                    short_name(link.peer().node), gap.dropped, protocol::to_text(lane));
}

void Node::on_left(Link& link) { settle(link.number(), now_); }

void Node::on_output(Link& link) { transport_.wake(link.number()); }

}  // namespace parrhesia::mesh
