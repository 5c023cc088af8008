// This relay as one of a cluster: what the configuration says of it, put together with the mesh,
// the relay's two ends and the registry in the shared database.
#pragma once

#include "parrhesia/base/metrics.hpp"
#include "parrhesia/mesh/mesh.hpp"
#include "parrhesia/pipeline/relay.hpp"

#include "app/config.hpp"
#include "app/registry_watch.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace parrhesia::app {

[[nodiscard]] pipeline::Sharing sharing_of(const Config& config) noexcept;

// Threading: belongs to the thread that made it; publish() and status_json() from any.
// Lifetime:  metrics outlive it; the relay that it is started with is alive until stop().
class Cluster final : public pipeline::Outlet, private mesh::RemoteSink {
  public:
    // Reads the secrets and who this relay is, and binds. `config.cluster.enabled` is set.
    // Errors: std::runtime_error that names the key, the file or the address, and the remedy.
    Cluster(const Config& config, base::MetricsRegistry& metrics);
    ~Cluster() override;  // stop(), without patience
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    // `load` is called on the mesh's thread.
    void start(pipeline::Relay& relay, std::function<mesh::Load()> load);
    // Where it listens, as others may dial it.
    [[nodiscard]] std::string address() const;
    [[nodiscard]] std::string status_json() const;

    void publish(std::span<const fanout::Published> events) override;

    // The peers get what waits for them, and a goodbye. Idempotent.
    void stop(std::chrono::milliseconds grace);

  private:
    void take(std::vector<fanout::Published> events, std::function<void()> done) override;
    [[nodiscard]] mesh::MeshOptions mesh_options();

    const Config& config_;
    base::MetricsRegistry& metrics_;
    // set by start(), before the mesh's thread
    pipeline::Relay* relay_ = nullptr;
    std::function<mesh::Load()> load_;

    mesh::Mesh mesh_;
    std::optional<RegistryWatch> registry_;  // with a shared database, from start() to stop()
};

}  // namespace parrhesia::app
