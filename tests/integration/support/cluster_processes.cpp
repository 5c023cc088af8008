#include "integration/support/cluster_processes.hpp"

#include "parrhesia/mesh/cluster_secret.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>

namespace parrhesia::test {
namespace {

constexpr int kMachinePort = 7447;
// Below the ports that the kernel gives to connections.
constexpr int kFirstPort = 17'000;
constexpr int kPortsOfProcess = 10'000;

std::string next_loopback_address() {
    static std::atomic<int> count{0};
    const auto pid = static_cast<unsigned>(::getpid());
    return fmt::format("127.{}.{}.{}:{}", 64 + (pid >> 16U) % 64, (pid >> 8U) % 256, pid % 256,
                       kFirstPort + count++ % kPortsOfProcess);
}

std::pair<std::string, std::uint16_t> split(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    return {address.substr(0, colon),
            static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1)))};
}

std::string text(const simdjson::dom::element& element) {
    return std::string(element.get_string().value());
}

std::set<std::string> texts(const simdjson::dom::element& list) {
    std::set<std::string> result;
    for (const auto& element : list.get_array().value()) result.insert(text(element));
    return result;
}

PeerView parse_peer(const simdjson::dom::element& peer) {
    PeerView view;
    view.state = text(peer["state"].value());
    view.boot = peer["boot"].get_uint64().value();
    view.dialled_by_us = peer["dialled_by_us"].get_bool().value();
    view.round_trip_us = peer["round_trip_us"].get_uint64().value();
    view.events_received = peer["events_received"].get_uint64().value();
    view.sees = texts(peer["sees"].value());
    for (const auto& [name, lane] : peer["lanes"].get_object().value()) {
        LaneView& row = view.lanes[std::string(name)];
        row.queued_bytes = lane["queued_bytes"].get_uint64().value();
        row.queued_events = lane["queued_events"].get_uint64().value();
        row.dropped = lane["dropped"].get_uint64().value();
        row.expired = lane["expired"].get_uint64().value();
        row.gapped = lane["gapped"].get_bool().value();
    }
    return view;
}

}  // namespace

NodeView parse_node_view(const std::string& json) {
    try {
        simdjson::dom::parser parser;
        const simdjson::dom::element root = parser.parse(json).value();
        NodeView view;
        view.node = text(root["node"].value());
        view.partition = text(root["partition"].value());
        view.unseen = texts(root["unseen"].value());
        for (const auto& pair : root["cut_links"].get_array().value()) {
            view.cut_links.emplace(text(pair.at(0).value()), text(pair.at(1).value()));
        }
        for (const auto& peer : root["peers"].get_array().value()) {
            view.peers.emplace(text(peer["node"].value()), parse_peer(peer));
        }
        return view;
    } catch (const simdjson::simdjson_error& error) {
        throw std::runtime_error(fmt::format("/cluster: {}: {}", error.what(), json));
    }
}

// ---- a link ----

void ChaosLink::set_towards(std::size_t node, const Fault& fault) const {
    from_a_->set(node == b_ ? Direction::to_target : Direction::to_client, fault);
    from_b_->set(node == a_ ? Direction::to_target : Direction::to_client, fault);
}

void ChaosLink::set(const Fault& both) const {
    for (ChaosProxy* proxy : {from_a_, from_b_}) proxy->set(both);
}

void ChaosLink::refuse(bool refused) const {
    for (ChaosProxy* proxy : {from_a_, from_b_}) proxy->refuse(refused);
}

void ChaosLink::cut(Ending ending) const {
    for (ChaosProxy* proxy : {from_a_, from_b_}) proxy->cut(ending);
}

void ChaosLink::cut_after(std::uint64_t bytes, Ending ending) const {
    for (ChaosProxy* proxy : {from_a_, from_b_}) {
        proxy->cut_after(Direction::to_target, bytes, ending);
    }
}

void ChaosLink::heal() const {
    for (ChaosProxy* proxy : {from_a_, from_b_}) proxy->heal();
}

std::uint64_t ChaosLink::open_connections() const {
    return from_a_->counters().open + from_b_->counters().open;
}

std::uint64_t ChaosLink::connections() const {
    return from_a_->counters().accepted + from_b_->counters().accepted;
}

std::uint64_t ChaosLink::flipped_bits() const {
    std::uint64_t bits = 0;
    for (const ChaosProxy* proxy : {from_a_, from_b_}) {
        for (const auto& bytes : proxy->counters().bytes) bits += bytes.flipped_bits;
    }
    return bits;
}

// ---- the cluster ----

std::vector<std::string> ClusterProcesses::quick_beats() {
    return {"cluster.heartbeat_ms=100", "cluster.suspect_ms=500", "cluster.dead_ms=1500"};
}

std::vector<std::string> ClusterProcesses::usual_settings() {
    std::vector<std::string> settings = quick_beats();
    settings.insert(settings.end(), {"limits.exempt=[\"127.0.0.0/8\"]", "rates.event_pubkey=off"});
    return settings;
}

ClusterProcesses::ClusterProcesses(ClusterPlan plan)
    : plan_(std::move(plan)), key_file_((folder_.path() / "cluster.key").string()) {
    static_cast<void>(mesh::write_cluster_secret(key_file_, mesh::make_cluster_secret()));
    for (std::size_t i = 0; i < plan_.nodes; ++i) {
        addresses_.push_back(plan_.machines != nullptr
                                 ? fmt::format("{}:{}", NetworkNamespaces::address(i), kMachinePort)
                                 : next_loopback_address());
    }
    std::vector<std::future<std::unique_ptr<RelayProcess>>> starting;
    for (std::size_t i = 0; i < plan_.nodes; ++i) {
        starting.push_back(std::async(std::launch::async, [this, i, settings = settings_of(i)] {
            Inside inside;
            enter(i, inside);
            return std::make_unique<RelayProcess>(settings);
        }));
    }
    for (auto& relay : starting) relays_.push_back(relay.get());
    for (std::size_t i = 0; i < plan_.nodes; ++i) ids_.push_back(view(i).node);
}

std::vector<std::string> ClusterProcesses::settings_of(std::size_t number) {
    std::vector<std::string> settings = plan_.settings;
    settings.insert(settings.end(), {"cluster.enabled=true", "cluster.psk_file=" + key_file_,
                                     "cluster.listen=" + addresses_[number]});
    std::string sources;
    for (std::size_t other = 0; other < plan_.nodes; ++other) {
        if (other == number) continue;
        std::string address;
        if (plan_.links == ClusterLinks::proxied) {
            address = proxy(number, other).address();
        } else if (plan_.links == ClusterLinks::direct && other == 0) {
            address = addresses_[other];
        } else {
            continue;
        }
        sources += fmt::format("{}\"static:{}\"", sources.empty() ? "" : ",", address);
    }
    if (plan_.links != ClusterLinks::own) {
        settings.push_back(fmt::format("cluster.discovery=[{}]", sources));
    }
    // Nobody is there, so what gossip tells leads round no proxy.
    if (plan_.links == ClusterLinks::proxied) {
        settings.push_back("cluster.advertise=" + next_loopback_address());
    }
    if (plan_.settings_of) {
        const auto more = plan_.settings_of(number, addresses_);
        settings.insert(settings.end(), more.begin(), more.end());
    }
    return settings;
}

ChaosProxy& ClusterProcesses::proxy(std::size_t from, std::size_t to) {
    auto& found = proxies_[{from, to}];
    if (found == nullptr) {
        const auto [host, port] = split(addresses_.at(to));
        found = std::make_unique<ChaosProxy>(host, port, plan_.seed * 1000 + proxies_.size());
    }
    return *found;
}

ChaosLink ClusterProcesses::link(std::size_t a, std::size_t b) {
    return {a, proxy(a, b), b, proxy(b, a)};
}

void ClusterProcesses::enter(std::size_t number, Inside& inside) const {
    if (plan_.machines != nullptr) inside.emplace(*plan_.machines, number);
}

std::unique_ptr<WsClient> ClusterProcesses::connect(std::size_t number) const {
    Inside inside;
    enter(number, inside);
    return std::make_unique<WsClient>(relays_.at(number)->port());
}

double ClusterProcesses::metric(std::size_t number, std::string_view name) const {
    Inside inside;
    enter(number, inside);
    return relays_.at(number)->metric(name);
}

void ClusterProcesses::start_again(std::size_t number) {
    Inside inside;
    enter(number, inside);
    relays_.at(number)->start();
}

NodeView ClusterProcesses::view(std::size_t number) const {
    Inside inside;
    enter(number, inside);
    return parse_node_view(http_get(relays_.at(number)->admin_port(), "/cluster").body);
}

std::string ClusterProcesses::state(std::size_t number, std::size_t of) const {
    const NodeView seen = view(number);
    const auto found = seen.peers.find(ids_.at(of));
    return found == seen.peers.end() ? "" : found->second.state;
}

bool ClusterProcesses::becomes_state(std::size_t number, std::size_t of, std::string_view wanted) {
    return becomes([&] { return state(number, of) == wanted; });
}

bool ClusterProcesses::becomes_partition(std::size_t number, std::string_view partition) {
    return becomes([&] { return view(number).partition == partition; });
}

bool ClusterProcesses::is_full_mesh(const std::vector<std::size_t>& nodes) const {
    std::map<std::string, NodeView> views;
    for (std::size_t i = 0; i < size(); ++i) {
        const bool asked = nodes.empty() || std::ranges::find(nodes, i) != nodes.end();
        if (asked) views.emplace(ids_.at(i), view(i));
    }
    for (const auto& [a, view_of_a] : views) {
        if (view_of_a.partition != "none") return false;
        for (const auto& [b, view_of_b] : views) {
            if (a == b) continue;
            const auto found = view_of_a.peers.find(b);
            if (found == view_of_a.peers.end() || found->second.state != "up") return false;
            const auto back = view_of_b.peers.find(a);
            if (back == view_of_b.peers.end() ||
                found->second.dialled_by_us == back->second.dialled_by_us) {
                return false;
            }
            for (const auto& [c, view_of_c] : views) {
                if (c != b && !found->second.sees.contains(c)) return false;
            }
        }
    }
    return true;
}

bool ClusterProcesses::becomes_full_mesh(const std::vector<std::size_t>& nodes) const {
    return becomes([&] { return is_full_mesh(nodes); }, std::chrono::seconds(30));
}

std::string ClusterProcesses::report() const {
    std::string text;
    for (std::size_t i = 0; i < size(); ++i) {
        Inside inside;
        enter(i, inside);
        std::string cluster = "no answer";
        try {
            cluster = http_get(relays_.at(i)->admin_port(), "/cluster").body;
        } catch (const std::exception& error) {
            cluster = error.what();
        }
        text += fmt::format("---- node {} ({})\n{}\n{}\n", i, ids_.at(i), cluster,
                            relays_.at(i)->log());
    }
    return text;
}

std::size_t occurrences(const std::string& log, std::string_view part) {
    std::size_t count = 0;
    for (std::size_t at = log.find(part); at != std::string::npos; at = log.find(part, at + 1)) {
        ++count;
    }
    return count;
}

}  // namespace parrhesia::test
