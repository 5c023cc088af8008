// Keeps this relay in the registry of the shared database, and tells the mesh what it finds there.
#pragma once

#include "parrhesia/base/metrics.hpp"
#include "parrhesia/mesh/mesh.hpp"
#include "parrhesia/store/relay_registry.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace parrhesia::app {

struct RegistryWatchOptions {
    store::RegistryOptions registry;
    std::string cluster;
    store::RegisteredRelay self;
    bool is_discovery = false;  // the others are to be dialled, not only known
};

// Runs the thread "registry", which asks every two seconds. A database that is away ends no link:
// then nobody is known to be alive by it, and the mesh goes on by itself.
//
// Threading: belongs to the thread that made it. Lifetime: mesh and metrics outlive it.
class RegistryWatch {
  public:
    static constexpr std::chrono::milliseconds kInterval{2000};
    // Who has not written for so long is not known to be alive.
    static constexpr std::chrono::milliseconds kAlive{3 * kInterval};

    RegistryWatch(RegistryWatchOptions options, mesh::Mesh& mesh, base::MetricsRegistry& metrics);
    // Takes this relay out of the registry, if the database answers within two seconds.
    ~RegistryWatch();
    RegistryWatch(const RegistryWatch&) = delete;
    RegistryWatch& operator=(const RegistryWatch&) = delete;

  private:
    void run();
    // Empty, or what has failed.
    [[nodiscard]] std::string ask();
    void report(const std::string& trouble);

    // constant after construction
    const RegistryWatchOptions options_;
    mesh::Mesh& mesh_;
    base::Counter& failures_;
    base::Gauge& alive_;

    // owned by the thread
    store::RelayRegistry registry_;
    std::string log_id_;   // as last read
    std::string trouble_;  // as last logged; empty: all is well

    std::mutex mutex_;
    std::condition_variable over_;
    bool done_ = false;  // guarded by mutex_
    std::thread thread_;
};

}  // namespace parrhesia::app
