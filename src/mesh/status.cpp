#include "parrhesia/mesh/status.hpp"

#include "parrhesia/base/json.hpp"
#include "parrhesia/protocol/peer_frame.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace parrhesia::mesh {
namespace {

std::string quoted(std::string_view text) {
    std::string out;
    base::append_json_string(out, text);
    return out;
}

std::string node_list(const std::vector<base::NodeId>& nodes) {
    std::string out = "[";
    for (const auto& node : nodes) {
        fmt::format_to(std::back_inserter(out), "{}\"{}\"", out.size() > 1 ? "," : "",
                       base::to_hex(node));
    }
    return out + "]";
}

void append_peer(std::string& out, const PeerStatus& peer) {
    fmt::format_to(
        std::back_inserter(out),
        R"({{"node":"{}","boot":{},"address":{},"software":{},"state":"{}",)"
        R"("dialled_by_us":{},"round_trip_us":{},"silence_ms":{},"events_sent":{},)"
        R"("events_received":{},"connections":{},"subscriptions":{},"sees":{},"lanes":{{)",
        base::to_hex(peer.node), peer.boot, quoted(peer.address), quoted(peer.software), peer.state,
        peer.dialled_by_us, peer.round_trip.count(), peer.silence.count(), peer.events_sent,
        peer.events_received, peer.connections, peer.subscriptions, node_list(peer.sees));
    for (std::size_t i = 0; i < peer.lanes.size(); ++i) {
        const LaneStatus& lane = peer.lanes[i];
        fmt::format_to(std::back_inserter(out),
                       R"({}"{}":{{"queued_bytes":{},"queued_events":{},"gapped":{},)"
                       R"("dropped":{},"expired":{}}})",
                       i == 0 ? "" : ",", protocol::to_text(static_cast<protocol::Lane>(i)),
                       lane.queued_bytes, lane.queued_events, lane.gapped, lane.dropped,
                       lane.expired);
    }
    out += "}}";
}

}  // namespace

std::string to_json(const NodeStatus& status) {
    std::string out = fmt::format(
        R"({{"cluster":{},"node":"{}","boot":{},"address":{},"software":{},"partition":"{}",)"
        R"("unseen":{},"cut_links":[)",
        quoted(status.cluster), base::to_hex(status.node), status.boot, quoted(status.address),
        quoted(status.software), status.partition, node_list(status.unseen));
    for (std::size_t i = 0; i < status.cut_links.size(); ++i) {
        fmt::format_to(std::back_inserter(out), R"({}["{}","{}"])", i == 0 ? "" : ",",
                       base::to_hex(status.cut_links[i].first),
                       base::to_hex(status.cut_links[i].second));
    }
    out += "],\"peers\":[";
    for (std::size_t i = 0; i < status.peers.size(); ++i) {
        if (i != 0) out += ',';
        append_peer(out, status.peers[i]);
    }
    return out + "]}";
}

}  // namespace parrhesia::mesh
