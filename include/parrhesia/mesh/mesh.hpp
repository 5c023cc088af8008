// The live path between the relays of a cluster: what is accepted here reaches the subscribers
// there within milliseconds. Best effort and bounded; what it drops, it says (docs/wire.md).
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/fanout/subscription_index.hpp"
#include "parrhesia/mesh/status.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace parrhesia::mesh {

enum class Tls : std::uint8_t { off, psk, mtls };
enum class Compress : std::uint8_t { automatic, always, never };

// A secret that all nodes have, 32 random bytes.
using ClusterSecret = std::array<std::uint8_t, 32>;

struct MeshOptions {
    std::string cluster;
    base::NodeId node;
    std::uint64_t boot = 0;  // greater than at every earlier start
    std::string software;    // version, for people
    std::string listen_host = "127.0.0.1";
    std::uint16_t listen_port = 7447;  // 0: any free one
    std::string advertise;             // host:port; empty: where it listens
    // One database for all nodes, named by log_id: positions mean the same everywhere, and its
    // events need no second verification. Else each node has its own store.
    bool shared_database = false;
    std::string log_id;
    std::vector<std::string> targets;  // host:port of other nodes

    Tls tls = Tls::psk;
    ClusterSecret secret{};
    std::vector<ClusterSecret> accepted_secrets;
    std::string certificate_file;  // these three for mtls
    std::string certificate_key_file;
    std::string ca_file;

    std::chrono::milliseconds heartbeat{1000};
    std::chrono::milliseconds suspect{3000};
    std::chrono::milliseconds dead{6000};
    std::size_t max_peers = 32;
    std::uint32_t max_frame_bytes = 1u << 20;
    std::size_t marmot_queue_bytes = std::size_t{16} << 20;  // of each peer
    std::size_t generic_queue_bytes = std::size_t{32} << 20;
    std::size_t ephemeral_queue_bytes = std::size_t{4} << 20;
    std::chrono::milliseconds ephemeral_expiry{5000};
    Compress compression = Compress::automatic;
};

// Where events of other nodes go.
class RemoteSink {
  public:
    virtual ~RemoteSink() = default;
    // On the mesh's thread; must not block. Ids and, where needed, signatures have been checked.
    // `done` is called once they have been worked through, from any thread: until then they count
    // against the sender's window.
    virtual void take(std::vector<fanout::Published> events, std::function<void()> done) = 0;
};

// Threading: belongs to the thread that made it; publish() and status() from any thread. Runs the
// thread "mesh".
// Lifetime:  sink and metrics outlive it.
class Mesh {
  public:
    // Binds. Errors: std::runtime_error with the input, the reason and the remedy.
    Mesh(MeshOptions options, RemoteSink& sink, base::MetricsRegistry& metrics);
    ~Mesh();  // stop()
    Mesh(const Mesh&) = delete;
    Mesh& operator=(const Mesh&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;
    void start();

    // To all peers, after the commit. Never blocks; above 64 MiB of events that wait for the mesh's
    // thread they are dropped and counted. Costs next to nothing while there is no peer.
    void publish(std::span<const fanout::Published> events);
    // Targets found later; those that are known already stay.
    void add_targets(std::vector<std::string> targets);

    // Empty but for this node itself once stopped.
    [[nodiscard]] NodeStatus status();

    // Sends what waits and GOODBYE to all peers, for `grace` at most; ends the thread. Idempotent.
    void stop(std::chrono::milliseconds grace = std::chrono::milliseconds(2000));

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parrhesia::mesh
