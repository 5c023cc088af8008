#include "parrhesia/mesh/status.hpp"

#include "parrhesia/base/json.hpp"
#include "parrhesia/protocol/peer_frame.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace parrhesia::mesh {
namespace {

std::string json_text(std::string_view text) {
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
        base::to_hex(peer.node), peer.boot, json_text(peer.address), json_text(peer.software),
        peer.state, peer.dialled_by_us, peer.round_trip.count(), peer.silence.count(),
        peer.events_sent, peer.events_received, peer.connections, peer.subscriptions,
        node_list(peer.sees));
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

using Object = simdjson::dom::object;
using Element = simdjson::dom::element;

std::string text_at(const Object& object, std::string_view key) {
    std::string_view value;
    return object[key].get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
}

std::uint64_t number_at(const Object& object, std::string_view key) {
    std::uint64_t value = 0;
    return object[key].get(value) == simdjson::SUCCESS ? value : 0;
}

bool flag_at(const Object& object, std::string_view key) {
    bool value = false;
    return object[key].get(value) == simdjson::SUCCESS && value;
}

base::NodeId node_of(const Element& element) {
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) return {};
    return base::parse_hex<base::NodeId>(text).value_or(base::NodeId());
}

base::NodeId node_at(const Object& object, std::string_view key) {
    Element value;
    return object[key].get(value) == simdjson::SUCCESS ? node_of(value) : base::NodeId();
}

template <class Visit>
void each_of(const Object& object, std::string_view key, Visit visit) {
    simdjson::dom::array list;
    if (object[key].get(list) != simdjson::SUCCESS) return;
    for (const Element element : list) visit(element);
}

std::vector<base::NodeId> nodes_at(const Object& object, std::string_view key) {
    std::vector<base::NodeId> nodes;
    each_of(object, key, [&](const Element& node) { nodes.push_back(node_of(node)); });
    return nodes;
}

LaneStatus lane_of(const Object& lane) {
    return {number_at(lane, "queued_bytes"), number_at(lane, "queued_events"),
            flag_at(lane, "gapped"), number_at(lane, "dropped"), number_at(lane, "expired")};
}

PeerStatus peer_of(const Object& object) {
    PeerStatus peer;
    peer.node = node_at(object, "node");
    peer.boot = number_at(object, "boot");
    peer.address = text_at(object, "address");
    peer.software = text_at(object, "software");
    peer.state = text_at(object, "state");
    peer.dialled_by_us = flag_at(object, "dialled_by_us");
    peer.round_trip = std::chrono::microseconds(number_at(object, "round_trip_us"));
    peer.silence = std::chrono::milliseconds(number_at(object, "silence_ms"));
    peer.events_sent = number_at(object, "events_sent");
    peer.events_received = number_at(object, "events_received");
    peer.connections = static_cast<std::uint32_t>(number_at(object, "connections"));
    peer.subscriptions = static_cast<std::uint32_t>(number_at(object, "subscriptions"));
    peer.sees = nodes_at(object, "sees");
    Object lanes;
    if (object["lanes"].get(lanes) != simdjson::SUCCESS) return peer;
    for (std::size_t i = 0; i < peer.lanes.size(); ++i) {
        Object lane;
        const std::string_view name = protocol::to_text(static_cast<protocol::Lane>(i));
        if (lanes[name].get(lane) == simdjson::SUCCESS) peer.lanes[i] = lane_of(lane);
    }
    return peer;
}

}  // namespace

std::string to_json(const NodeStatus& status) {
    std::string out = fmt::format(
        R"({{"cluster":{},"node":"{}","boot":{},"address":{},"software":{},"topology":"{}",)"
        R"("log_id":{},"partition":"{}","unseen":{},"cut_links":[)",
        json_text(status.cluster), base::to_hex(status.node), status.boot,
        json_text(status.address), json_text(status.software), status.topology,
        json_text(status.log_id), status.partition, node_list(status.unseen));
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

base::Checked<NodeStatus> parse_status(const std::string& json) {
    simdjson::dom::parser parser;
    Object object;
    if (const auto error = parser.parse(json).get(object)) {
        return base::Refusal{
            base::Errc::malformed_message,
            fmt::format("this is no status of a cluster: {}", simdjson::error_message(error))};
    }
    NodeStatus status;
    status.cluster = text_at(object, "cluster");
    status.node = node_at(object, "node");
    if (status.node == base::NodeId()) {
        return base::Refusal{base::Errc::malformed_message,
                             "this is no status of a cluster: it names no node"};
    }
    status.boot = number_at(object, "boot");
    status.address = text_at(object, "address");
    status.software = text_at(object, "software");
    status.topology = text_at(object, "topology");
    status.log_id = text_at(object, "log_id");
    status.partition = text_at(object, "partition");
    status.unseen = nodes_at(object, "unseen");
    each_of(object, "cut_links", [&](const Element& pair) {
        simdjson::dom::array ends;
        if (pair.get(ends) != simdjson::SUCCESS || ends.size() != 2) return;
        status.cut_links.emplace_back(node_of(ends.at(0).value()), node_of(ends.at(1).value()));
    });
    each_of(object, "peers", [&](const Element& peer) {
        Object row;
        if (peer.get(row) == simdjson::SUCCESS) status.peers.push_back(peer_of(row));
    });
    return status;
}

}  // namespace parrhesia::mesh
