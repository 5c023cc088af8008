#include "app/cluster_report.hpp"

#include "parrhesia/base/bytes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <vector>

namespace parrhesia::app {
namespace {

using Row = std::vector<std::string>;

constexpr std::array<std::string_view, 4> kLanes{"control", "marmot", "generic", "ephemeral"};

std::string short_name(const base::NodeId& node) { return base::to_hex(node).substr(0, 8); }

// Columns as wide as their widest cell, two spaces apart.
std::string aligned(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths;
    for (const Row& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            fmt::format_to(std::back_inserter(line), "{:<{}}  ", row[i], widths[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

bool has_link(const mesh::PeerStatus& peer) noexcept {
    return peer.state == "up" || peer.state == "suspect";
}

std::string seconds(std::chrono::milliseconds time) {
    return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000);
}

Row row_of(const mesh::PeerStatus& peer) {
    Row row{short_name(peer.node), peer.address, peer.state};
    if (!has_link(peer)) return row;
    std::uint64_t queued = 0;
    std::uint64_t dropped = 0;
    for (const mesh::LaneStatus& lane : peer.lanes) {
        queued += lane.queued_events;
        dropped += lane.dropped + lane.expired;
    }
    row.push_back(fmt::format("{:.2f} ms", static_cast<double>(peer.round_trip.count()) / 1000));
    row.push_back(seconds(peer.silence));
    for (const std::uint64_t count :
         {peer.events_sent, peer.events_received, queued, dropped, std::uint64_t{peer.connections},
          std::uint64_t{peer.subscriptions}}) {
        row.push_back(std::to_string(count));
    }
    row.push_back(peer.dialled_by_us ? "from here" : "from there");
    row.push_back(peer.software);
    return row;
}

// Only lanes in which something waits, or was lost.
void append_lanes(std::string& out, const mesh::NodeStatus& status) {
    for (const mesh::PeerStatus& peer : status.peers) {
        for (std::size_t i = 0; i < peer.lanes.size(); ++i) {
            const mesh::LaneStatus& lane = peer.lanes[i];
            if (lane.queued_events + lane.dropped + lane.expired == 0 && !lane.gapped) continue;
            fmt::format_to(
                std::back_inserter(out),
                "{}, {}: {} events ({} bytes) wait, {} dropped, {} expired{}\n",
                short_name(peer.node), kLanes.at(i), lane.queued_events, lane.queued_bytes,
                lane.dropped, lane.expired,
                lane.gapped ? "; too slow: nothing is queued until it has caught up" : "");
        }
    }
}

std::string mark(bool sees) { return sees ? "yes" : "no"; }

// Each row tells whom that relay hears, by its own word.
std::string matrix(const mesh::NodeStatus& status) {
    std::vector<base::NodeId> nodes{status.node};
    for (const auto& peer : status.peers) {
        if (peer.state != "left") nodes.push_back(peer.node);
    }
    std::vector<Row> rows{{"sees"}};
    for (const auto& node : nodes) rows[0].push_back(short_name(node));
    for (std::size_t from = 0; from < nodes.size(); ++from) {
        Row row{short_name(nodes[from])};
        const auto peer = std::ranges::find(status.peers, nodes[from], &mesh::PeerStatus::node);
        for (std::size_t to = 0; to < nodes.size(); ++to) {
            if (from == to) {
                row.emplace_back("-");
            } else if (from == 0) {
                const auto other =
                    std::ranges::find(status.peers, nodes[to], &mesh::PeerStatus::node);
                row.push_back(mark(other->state == "up"));
            } else if (!has_link(*peer)) {
                row.emplace_back("?");
            } else {
                row.push_back(mark(std::ranges::count(peer->sees, nodes[to]) != 0));
            }
        }
        rows.push_back(std::move(row));
    }
    return aligned(rows);
}

std::string names(const std::vector<base::NodeId>& nodes) {
    std::string out;
    for (const auto& node : nodes) out += (out.empty() ? "" : ", ") + short_name(node);
    return out;
}

std::string cut_pairs(const mesh::NodeStatus& status) {
    std::string out;
    for (const auto& [a, b] : status.cut_links) {
        out += (out.empty() ? "" : ", ") + short_name(a) + "-" + short_name(b);
    }
    return out;
}

// What an operator who was woken needs: what it is, and where to look first.
std::string verdict(const mesh::NodeStatus& status) {
    if (status.partition == "peer_dead") {
        return fmt::format(
            "PEER DEAD: no relay that is heard from here has a link with {}. Look "
            "whether it runs, then at its network",
            names(status.unseen));
    }
    if (status.partition == "cut_link") {
        return fmt::format(
            "CUT LINK: {}: both run, and have no link with each other. Look at the "
            "network and the firewall between these two",
            cut_pairs(status));
    }
    if (status.partition == "partial") {
        return fmt::format(
            "PARTIAL PARTITION: these pairs have no link: {}. Look at the network "
            "of the relay that is in most of them",
            cut_pairs(status));
    }
    if (status.partition == "full_split") {
        return fmt::format(
            "SPLIT: nothing is heard here from {}, and they may well run. Look at "
            "the network between the two sides",
            names(status.unseen));
    }
    if (status.peers.empty()) {
        return status.topology == "shared" && status.log_id.empty()
                   ? "ALONE: the database has not told yet which one it is, and no link is made "
                     "before it does. Look at the relay's log"
                   : "ALONE: no other relay has been met yet. Look at cluster.discovery, and at "
                     "the "
                     "logs of both sides: who is refused is named there";
    }
    if (is_whole(status)) return "all relays see each other";
    return "not every relay that is known is up; who is gone may be on its way back";
}

}  // namespace

bool is_whole(const mesh::NodeStatus& status) noexcept {
    const auto is_well = [](const mesh::PeerStatus& peer) {
        return peer.state == "up" || peer.state == "left";
    };
    return !status.peers.empty() && status.partition == "none" &&
           std::ranges::all_of(status.peers, is_well);
}

std::string cluster_report(const mesh::NodeStatus& status) {
    const std::string store =
        status.topology == "shared"
            ? "one database" + (status.log_id.empty() ? "" : ", log " + status.log_id)
            : "a store each";
    std::string out = aligned({{"cluster", fmt::format("{} ({})", status.cluster, store)},
                               {"node", base::to_hex(status.node)},
                               {"at", status.address},
                               {"version", status.software},
                               {"state", verdict(status)}});
    if (status.peers.empty()) return out;
    std::vector<Row> rows{{"NODE", "ADDRESS", "STATE", "RTT", "SILENT", "SENT", "RECEIVED",
                           "WAITING", "LOST", "CLIENTS", "SUBSCRIPTIONS", "DIALLED", "VERSION"}};
    for (const auto& peer : status.peers) rows.push_back(row_of(peer));
    out += "\n" + aligned(rows);
    append_lanes(out, status);
    out += "\n" + matrix(status);
    return out;
}

}  // namespace parrhesia::app
