// Several nodes and the network between them, in one thread and with a clock of their own: the same
// seed gives the same run.
#pragma once

#include "parrhesia/base/metrics.hpp"

#include "mesh/node.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace parrhesia::mesh {

using namespace std::chrono_literals;

class SimulatedCluster {
  public:
    using Milliseconds = std::chrono::milliseconds;
    static constexpr Milliseconds kStep{5};

    explicit SimulatedCluster(std::size_t hosts, std::uint64_t seed) : random_(seed) {
        std::array<std::uint8_t, 32> secret{};
        secret.fill(7);
        keyring_ = std::make_unique<Keyring>(SharedKey::derive(secret));
        for (std::size_t i = 0; i < hosts; ++i) hosts_.push_back(std::make_unique<Host>(*this, i));
        cut_.assign(hosts, std::vector<bool>(hosts, false));
    }

    static std::string address(std::size_t host) { return "host" + std::to_string(host) + ":1"; }
    static base::NodeId node_id(std::size_t host) {
        base::NodeId id;
        id.bytes.fill(static_cast<std::uint8_t>(host + 1));
        return id;
    }

    // Tells the host of these others; no more is known at first.
    void start(std::size_t host, const std::vector<std::size_t>& knows) {
        Host& here = *hosts_[host];
        here.boot();
        for (const std::size_t other : knows)
            here.node->add_target(address(other), Origin::configured, now_);
    }
    void start_all() {
        std::vector<std::size_t> all;
        for (std::size_t i = 0; i < hosts_.size(); ++i) all.push_back(i);
        for (const std::size_t host : all) start(host, all);
    }
    void run(Milliseconds time) {
        for (const auto end = now_ + time; now_ < end;) step();
    }
    template <class Condition>
    [[nodiscard]] bool run_until(Milliseconds limit, Condition condition) {
        for (const auto end = now_ + limit; now_ < end; step()) {
            if (condition()) return true;
        }
        return condition();
    }

    // Nothing passes from one to the other, and nobody is told: half open if only one way.
    void cut(std::size_t from, std::size_t to) { cut_[from][to] = true; }
    void cut_both(std::size_t a, std::size_t b) {
        cut(a, b);
        cut(b, a);
    }
    void heal() {
        for (auto& row : cut_) row.assign(row.size(), false);
    }
    // Ends without a word; both sides hear of a reset, later.
    void break_connections(std::size_t a, std::size_t b) {
        for (auto& connection : connections_) {
            if (connection->joins(a, b)) connection->reset = true;
        }
    }
    // One byte of what is under way is not what was sent.
    void corrupt(std::size_t a, std::size_t b) {
        for (auto& connection : connections_) {
            if (!connection->joins(a, b)) continue;
            for (auto& way : connection->ways) {
                if (way.empty() || way.front().bytes.empty()) continue;
                std::string& bytes = way.front().bytes;
                bytes[random_() % bytes.size()] ^= 1;
            }
        }
    }
    // Some bytes come twice.
    void repeat(std::size_t a, std::size_t b) {
        for (auto& connection : connections_) {
            if (!connection->joins(a, b)) continue;
            for (auto& way : connection->ways) {
                if (!way.empty()) way.push_front(way.front());
            }
        }
    }
    // SIGSTOP: it neither reads nor writes nor ticks, but its connections stand.
    void pause(std::size_t host) { hosts_[host]->paused = true; }
    void resume(std::size_t host) { hosts_[host]->paused = false; }
    void kill(std::size_t host) {
        for (auto& connection : connections_) {
            for (std::size_t side = 0; side < 2; ++side) {
                if (connection->hosts[side] != host) continue;
                connection->links[side] = 0;
                connection->reset = true;
            }
        }
        hosts_[host]->node.reset();
    }

    // Returns the event's number.
    std::uint64_t publish(std::size_t host, protocol::Lane lane = protocol::Lane::generic,
                          std::size_t size = 300) {
        const std::uint64_t number = ++published_;
        base::Id id;
        for (std::size_t i = 0; i < 8; ++i) {
            id.bytes[i] = static_cast<std::uint8_t>(number >> 8 * i & 0xFF);
        }
        const std::string json(size, 'x');
        auto event = std::make_shared<OutgoingEvent>();
        event->bytes = protocol::encode_batched_event(id, base::Position{number}, json);
        event->lane = lane;
        event->position = base::Position{number};
        event->published_at = now_;
        hosts_[host]->node->publish(event);
        return number;
    }

    [[nodiscard]] std::size_t size() const noexcept { return hosts_.size(); }
    [[nodiscard]] Node& node(std::size_t host) { return *hosts_[host]->node; }
    [[nodiscard]] bool runs(std::size_t host) const {
        return hosts_[host]->node != nullptr && !hosts_[host]->paused;
    }
    [[nodiscard]] base::SteadyTime now() const noexcept { return now_; }
    [[nodiscard]] NodeStatus status(std::size_t host) const {
        return hosts_[host]->node->status(now_);
    }
    [[nodiscard]] LinkOptions& options() noexcept { return options_; }
    // How often an event came to a host since that was started.
    [[nodiscard]] std::size_t received(std::size_t host, std::uint64_t number) const {
        const auto found = hosts_[host]->received.find(number);
        return found == hosts_[host]->received.end() ? 0 : found->second;
    }
    [[nodiscard]] std::size_t most_received() const {
        std::size_t most = 0;
        for (const auto& host : hosts_) {
            for (const auto& [number, times] : host->received) most = std::max(most, times);
        }
        return most;
    }
    // Everybody sees everybody, over exactly one connection for each pair.
    [[nodiscard]] bool is_full_mesh() const {
        for (const auto& host : hosts_) {
            if (!host->node || host->node->peers_up() != hosts_.size() - 1) return false;
        }
        for (std::size_t a = 0; a < hosts_.size(); ++a) {
            for (std::size_t b = a + 1; b < hosts_.size(); ++b) {
                const auto joined = std::ranges::count_if(
                    connections_, [&](const auto& connection) { return connection->joins(a, b); });
                if (joined != 1) return false;
            }
        }
        return true;
    }
    [[nodiscard]] std::size_t dials() const noexcept { return dials_; }
    // Of the host towards all peers.
    [[nodiscard]] std::uint64_t queued_bytes(std::size_t host) const {
        std::uint64_t bytes = 0;
        for (const auto& peer : status(host).peers) {
            for (const auto& lane : peer.lanes) bytes += lane.queued_bytes;
        }
        return bytes;
    }
    // Events are kept unacknowledged, as by a receiver whose fan-out stands still.
    void stop_acknowledging(std::size_t host) { hosts_[host]->acknowledges = false; }

  private:
    struct Segment {
        std::string bytes;
        base::SteadyTime arrives;
        bool end = false;  // of this direction
    };
    struct Connection {
        std::array<std::size_t, 2> hosts{};
        std::array<std::uint64_t, 2> links{};     // 0: closed on that side
        std::array<std::deque<Segment>, 2> ways;  // from [0], from [1]
        std::array<bool, 2> said_end{};
        bool accepted = false;
        bool reset = false;
        base::SteadyTime opens;
        [[nodiscard]] bool joins(std::size_t a, std::size_t b) const noexcept {
            return (hosts[0] == a && hosts[1] == b) || (hosts[0] == b && hosts[1] == a);
        }
    };

    struct Host final : Transport, RemoteEvents {
        Host(SimulatedCluster& the_cluster, std::size_t the_number)
            : cluster(the_cluster), number(the_number) {}

        void boot() {
            ++boots;
            received.clear();
            woken.clear();
            acknowledges = true;
            paused = false;
            NodeOptions options;
            options.link = cluster.options_;
            options.link.keyring = cluster.keyring_.get();
            options.link.self.cluster = "simulated";
            options.link.self.node = node_id(number);
            options.link.self.boot = boots;
            options.link.self.address = address(number);
            options.link.self.features = protocol::kFeatureZstd;
            options.seed = cluster.random_();
            node = std::make_unique<Node>(options, *this, *this, metrics, cluster.now_);
            next_tick = cluster.now_ + Milliseconds(cluster.random_() % 100);
        }

        // Transport
        void dial(std::uint64_t link, const std::string& to) override {
            ++cluster.dials_;
            auto connection = std::make_unique<Connection>();
            connection->hosts[0] = number;
            connection->hosts[1] = std::stoul(to.substr(4));
            connection->links[0] = link;
            connection->opens = cluster.now_ + cluster.latency();
            cluster.connections_.push_back(std::move(connection));
        }
        void wake(std::uint64_t link) override { woken.insert(link); }
        void close(std::uint64_t link) override {
            for (auto& connection : cluster.connections_) {
                for (std::size_t side = 0; side < 2; ++side) {
                    if (connection->hosts[side] != number || connection->links[side] != link) {
                        continue;
                    }
                    connection->links[side] = 0;
                    connection->reset = true;
                }
            }
        }
        // RemoteEvents
        void on_batch(std::uint64_t link, protocol::Lane lane, const protocol::EventBatch& batch,
                      std::size_t bytes) override {
            for (const auto& event : batch.events) ++received[event.position.seq];
            if (acknowledges) acknowledgements.push_back({link, lane, batch.events.size(), bytes});
        }

        void on_peers_up(std::size_t) override {}

        struct Acknowledgement {
            std::uint64_t link;
            protocol::Lane lane;
            std::size_t events;
            std::size_t bytes;
        };
        SimulatedCluster& cluster;
        const std::size_t number;
        base::MetricsRegistry registry;
        MeshMetrics metrics{registry};
        std::unique_ptr<Node> node;
        std::uint64_t boots = 0;
        bool paused = false;
        bool acknowledges = true;
        base::SteadyTime next_tick;
        std::set<std::uint64_t> woken;
        std::vector<Acknowledgement> acknowledgements;
        std::map<std::uint64_t, std::size_t> received;
    };

    [[nodiscard]] Milliseconds latency() {
        return Milliseconds(std::uniform_int_distribution<int>(1, 30)(random_));
    }

    void step() {
        now_ += kStep;
        for (std::size_t i = 0; i < connections_.size(); ++i) move(*connections_[i]);
        std::erase_if(connections_, [](const auto& connection) {
            return connection->links[0] == 0 &&
                   (connection->links[1] == 0 || !connection->accepted);
        });
        for (auto& host : hosts_) {
            if (!host->node || host->paused) continue;
            for (const auto& done : std::exchange(host->acknowledgements, {})) {
                host->node->acknowledge(done.link, done.lane, done.events, done.bytes);
            }
            if (now_ >= host->next_tick) {
                host->next_tick = now_ + Node::kTick;
                host->node->on_tick(now_);
            }
            write(*host);
        }
    }

    void write(Host& host) {
        for (const std::uint64_t link : std::exchange(host.woken, {})) {
            for (auto& connection : connections_) {
                for (std::size_t side = 0; side < 2; ++side) {
                    if (connection->hosts[side] != host.number || connection->links[side] != link ||
                        !connection->accepted) {
                        continue;
                    }
                    write(host, *connection, side);
                }
            }
        }
    }

    // A little at a time, as into a socket's buffer.
    void write(Host& host, Connection& connection, std::size_t side) {
        constexpr std::size_t kSocketSegments = 8;
        auto& way = connection.ways[side];
        const std::uint64_t link = connection.links[side];
        if (way.size() >= kSocketSegments) {
            host.woken.insert(link);
            return;
        }
        std::string out;
        host.node->output(link, out, now_);
        const bool done = host.node->is_done(link);
        if (out.empty() && !done) return;
        const auto arrives =
            std::max(now_ + latency(), way.empty() ? base::SteadyTime::min() : way.back().arrives);
        if (connection.said_end[side]) return;
        connection.said_end[side] = done;
        way.push_back({std::move(out), arrives, done});
        if (!done) host.woken.insert(link);
    }

    void move(Connection& connection) {
        Host& dialler = *hosts_[connection.hosts[0]];
        if (!dialler.node) connection.links[0] = 0;
        if (!hosts_[connection.hosts[1]]->node) connection.links[1] = 0;
        if (connection.reset) return tear_down(connection);
        if (!connection.accepted) return open(connection);
        for (std::size_t side = 0; side < 2; ++side) deliver(connection, side);
    }

    void open(Connection& connection) {
        if (now_ < connection.opens || connection.links[0] == 0) return;
        Host& dialler = *hosts_[connection.hosts[0]];
        Host& acceptor = *hosts_[connection.hosts[1]];
        if (dialler.paused) return;
        const auto fail = [&](const char* why) {
            dialler.node->on_dial_failed(std::exchange(connection.links[0], 0), why, now_);
        };
        const bool is_cut = cut_[connection.hosts[0]][connection.hosts[1]] ||
                            cut_[connection.hosts[1]][connection.hosts[0]];
        if (is_cut || acceptor.paused) {
            if (now_ - connection.opens > 2s) fail("timed out");
            return;
        }
        if (!acceptor.node) return fail("refused");
        const auto link = acceptor.node->on_accepted(address(dialler.number), Channel{}, now_);
        if (!link) return fail("reset");
        connection.links[1] = *link;
        connection.accepted = true;
        dialler.node->on_connected(connection.links[0], Channel{}, now_);
    }

    void deliver(Connection& connection, std::size_t from) {
        auto& way = connection.ways[from];
        const std::size_t to = 1 - from;
        Host& receiver = *hosts_[connection.hosts[to]];
        while (!way.empty() && way.front().arrives <= now_) {
            if (cut_[connection.hosts[from]][connection.hosts[to]] || receiver.paused) return;
            if (connection.links[to] == 0) {
                way.clear();
                return;
            }
            const Segment segment = std::move(way.front());
            way.pop_front();
            const auto* bytes = reinterpret_cast<const std::uint8_t*>(segment.bytes.data());
            receiver.node->on_bytes(connection.links[to], {bytes, segment.bytes.size()}, now_);
            if (segment.end && connection.links[to] != 0) {
                const std::uint64_t link = std::exchange(connection.links[to], 0);
                receiver.node->on_closed(link, "end of stream", now_);
                // What it has written before still arrives.
                auto& back = connection.ways[to];
                const auto arrives = back.empty() ? now_ : std::max(now_, back.back().arrives);
                if (!std::exchange(connection.said_end[to], true))
                    back.push_back({"", arrives, true});
                return;
            }
        }
    }

    void tear_down(Connection& connection) {
        for (std::size_t side = 0; side < 2; ++side) {
            Host& host = *hosts_[connection.hosts[side]];
            if (connection.links[side] == 0 || host.paused) continue;
            const std::size_t other = connection.hosts[1 - side];
            // A reset is a message, too.
            if (cut_[other][host.number]) continue;
            const std::uint64_t link = std::exchange(connection.links[side], 0);
            if (connection.accepted) {
                host.node->on_closed(link, "connection reset", now_);
            } else {
                host.node->on_dial_failed(link, "connection reset", now_);
            }
        }
    }

    std::mt19937_64 random_;
    base::SteadyTime now_{std::chrono::hours(1)};
    LinkOptions options_;
    std::unique_ptr<Keyring> keyring_;
    std::vector<std::unique_ptr<Host>> hosts_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<std::vector<bool>> cut_;
    std::uint64_t published_ = 0;
    std::size_t dials_ = 0;
};

}  // namespace parrhesia::mesh
