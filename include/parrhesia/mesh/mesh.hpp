// The live path between the relays of a cluster: what is accepted here reaches the subscribers
// there within milliseconds. Best effort and bounded; what it drops, it says (docs/wire.md).
#pragma once

#include "parrhesia/base/metrics.hpp"
#include "parrhesia/fanout/subscription_index.hpp"
#include "parrhesia/mesh/options.hpp"
#include "parrhesia/mesh/status.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace parrhesia::mesh {

// Where events of other nodes go.
class RemoteSink {
  public:
    virtual ~RemoteSink() = default;
    // On the mesh's thread; must not block. Ids and, where needed, signatures have been checked.
    // `done` is to be called once they have been worked through, from any thread: until then they
    // count against the sender's window. After the mesh's end it does nothing.
    virtual void take(std::vector<fanout::Published> events, std::function<void()> done) = 0;
};

// Threading: belongs to the thread that made it; publish(), status() and what concerns the registry
// from any thread. Runs the thread "mesh", and "mesh-dns" where names are to be looked up.
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
    // thread they are dropped and counted. Costs next to nothing while there is no peer, and a
    // shared pointer for each event else: they are encoded on the mesh's thread.
    void publish(std::span<const fanout::Published> events);
    // What a registry beside the mesh says: targets, which add to those that are known, and who is
    // alive, whether there is a link or not.
    void add_targets(std::vector<std::string> targets);
    void set_alive(std::vector<base::NodeId> nodes);
    // The database whose positions the events carry. When it is another one than before, all links
    // end: those of relays that have moved along come back at once.
    void set_log_id(std::string log_id);

    // As of at most Node::kTick (100 ms) ago; never waits for the mesh's thread.
    [[nodiscard]] NodeStatus status() const;

    // Sends what waits and GOODBYE to all peers, for `grace` at most; ends the thread. Idempotent.
    void stop(std::chrono::milliseconds grace = std::chrono::milliseconds(2000));

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;  // weakly held by what is still on its way through the sink
};

}  // namespace parrhesia::mesh
