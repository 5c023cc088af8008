// Relays with a mesh between them, each a process of its own.
#pragma once

#include "integration/support/network_namespace.hpp"
#include "integration/support/process.hpp"
#include "integration/support/relay_process.hpp"
#include "integration/support/ws_client.hpp"
#include "support/chaos_proxy.hpp"
#include "support/temporary_folder.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parrhesia::test {

// What a relay says of its cluster: /cluster of its admin listener.
struct LaneView {
    std::uint64_t queued_bytes = 0;
    std::uint64_t queued_events = 0;
    std::uint64_t dropped = 0;
    std::uint64_t expired = 0;
    bool gapped = false;
};
struct PeerView {
    std::string state;
    std::uint64_t boot = 0;
    bool dialled_by_us = false;
    std::uint64_t round_trip_us = 0;
    std::uint64_t events_received = 0;
    std::set<std::string> sees;
    std::map<std::string, LaneView> lanes;  // by name
};
struct NodeView {
    std::string node;
    std::string partition;
    std::map<std::string, PeerView> peers;  // by node id
    std::set<std::pair<std::string, std::string>> cut_links;
    std::set<std::string> unseen;
};
// Errors: throws std::runtime_error with the text.
[[nodiscard]] NodeView parse_node_view(const std::string& json);

enum class ClusterLinks : std::uint8_t {
    direct,   // every node knows the address of node 0 alone; the rest is gossip
    proxied,  // a proxy before each node for each other one, and no way round it
    own,      // what settings_of says
};

struct ClusterPlan {
    std::size_t nodes = 3;
    ClusterLinks links = ClusterLinks::direct;
    std::vector<std::string> settings = {};  // of all nodes, "section.key=value"
    // Further ones of one node: its number and the addresses of all.
    std::function<std::vector<std::string>(std::size_t, const std::vector<std::string>&)>
        settings_of = {};
    const NetworkNamespaces* machines = nullptr;  // one for each node; outlives the cluster
    std::uint64_t seed = 1;                       // of the proxies
};

// All that is between two nodes: each dials the other through a proxy.
class ChaosLink {
  public:
    ChaosLink(std::size_t a, ChaosProxy& from_a, std::size_t b, ChaosProxy& from_b)
        : a_(a), from_a_(&from_a), b_(b), from_b_(&from_b) {}

    // Of all bytes on the way to that node of the two.
    void set_towards(std::size_t node, const Fault& fault) const;
    void set(const Fault& both) const;
    void refuse(bool refused) const;
    // Nothing comes through, and nobody is told.
    void blackhole() const { set({.blackhole = true}); }
    void cut(Ending ending) const;
    void cut_after(std::uint64_t bytes, Ending ending) const;
    void heal() const;

    [[nodiscard]] std::uint64_t open_connections() const;
    [[nodiscard]] std::uint64_t connections() const;  // since the start
    [[nodiscard]] std::uint64_t flipped_bits() const;

  private:
    std::size_t a_;
    ChaosProxy* from_a_;
    std::size_t b_;
    ChaosProxy* from_b_;
};

// Addresses are those of the loopback that belong to this process alone: 127.x.y.z of its pid. So a
// node keeps its address over a restart, and test programs do not meet.
//
// Threading: one thread. Errors: throws std::runtime_error with the relay's own words.
class ClusterProcesses {
  public:
    // Soon: a beat each 100 ms, suspected after 500 ms, dead after 1.5 s.
    [[nodiscard]] static std::vector<std::string> quick_beats();
    // The usual ones of tests: quick beats, and no limits for who publishes much.
    [[nodiscard]] static std::vector<std::string> usual_settings();

    // Starts all nodes at once, and waits until they listen.
    explicit ClusterProcesses(ClusterPlan plan);
    ClusterProcesses(const ClusterProcesses&) = delete;
    ClusterProcesses& operator=(const ClusterProcesses&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return relays_.size(); }
    [[nodiscard]] RelayProcess& node(std::size_t number) { return *relays_.at(number); }
    [[nodiscard]] const std::string& id(std::size_t number) const { return ids_.at(number); }
    [[nodiscard]] const std::string& address(std::size_t number) const {
        return addresses_.at(number);
    }
    [[nodiscard]] const std::string& key_file() const noexcept { return key_file_; }
    [[nodiscard]] ChaosLink link(std::size_t a, std::size_t b);

    // On the node's machine, if it has one of its own.
    [[nodiscard]] std::unique_ptr<WsClient> connect(std::size_t number) const;
    [[nodiscard]] double metric(std::size_t number, std::string_view name) const;
    void start_again(std::size_t number);  // after kill() or wait()
    [[nodiscard]] NodeView view(std::size_t number) const;

    // What one node says of another: known, up, suspect, down, left; "" for nothing.
    [[nodiscard]] std::string state(std::size_t number, std::size_t of) const;
    [[nodiscard]] bool becomes_state(std::size_t number, std::size_t of, std::string_view state);
    [[nodiscard]] bool becomes_partition(std::size_t number, std::string_view partition);

    // Of these nodes (of all, if none are named): each has a link with each other, which one of the
    // two has dialled, sees what they see, and knows of no partition.
    [[nodiscard]] bool is_full_mesh(const std::vector<std::size_t>& nodes = {}) const;
    [[nodiscard]] bool becomes_full_mesh(const std::vector<std::size_t>& nodes = {}) const;
    // All nodes' /cluster and logs, for a test that fails.
    [[nodiscard]] std::string report() const;

  private:
    using Inside = std::optional<NetworkNamespaces::Inside>;
    void enter(std::size_t number, Inside& inside) const;
    [[nodiscard]] std::vector<std::string> settings_of(std::size_t number);
    ChaosProxy& proxy(std::size_t from, std::size_t to);

    const ClusterPlan plan_;
    const TemporaryFolder folder_;
    std::string key_file_;
    std::vector<std::string> addresses_;
    std::map<std::pair<std::size_t, std::size_t>, std::unique_ptr<ChaosProxy>> proxies_;
    std::vector<std::unique_ptr<RelayProcess>> relays_;
    std::vector<std::string> ids_;
};

// How often `part` is in a log.
[[nodiscard]] std::size_t occurrences(const std::string& log, std::string_view part);

}  // namespace parrhesia::test
