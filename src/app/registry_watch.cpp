#include "app/registry_watch.hpp"

#include "parrhesia/base/log.hpp"

#include <pthread.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace parrhesia::app {

RegistryWatch::RegistryWatch(RegistryWatchOptions options, mesh::Mesh& mesh,
                             base::MetricsRegistry& metrics)
    : options_(std::move(options)),
      mesh_(mesh),
      failures_(metrics.counter("parrhesia_cluster_registry_failures_total",
                                "Times the registry of relays in the database could not be asked")),
      alive_(metrics.gauge("parrhesia_cluster_registered_alive",
                           "Other relays that are alive by the clock of the shared database; "
                           "0 as well while the database cannot be asked")),
      registry_(options_.registry, options_.cluster),
      thread_([this] { run(); }) {
    ::pthread_setname_np(thread_.native_handle(), "registry");
}

RegistryWatch::~RegistryWatch() {
    {
        const std::scoped_lock lock(mutex_);
        done_ = true;
    }
    over_.notify_one();
    registry_.cancel();
    thread_.join();
    const std::string trouble = registry_.leave(options_.self.node, options_.self.boot);
    if (!trouble.empty()) base::log::debug("cluster: {}", trouble);
}

void RegistryWatch::run() {
    for (;;) {
        const std::string trouble = ask();
        std::unique_lock lock(mutex_);
        if (done_) return;
        lock.unlock();
        report(trouble);
        lock.lock();
        if (over_.wait_for(lock, kInterval, [this] { return done_; })) return;
    }
}

std::string RegistryWatch::ask() {
    const auto log_id = registry_.log_id();
    if (!log_id) return log_id.error().text;
    if (*log_id != log_id_) {
        if (!log_id_.empty()) {
            base::log::warn(
                "cluster: the database is another one than before (log {}, it was {}): links with "
                "other relays begin anew",
                *log_id, log_id_);
        }
        log_id_ = *log_id;
        mesh_.set_log_id(log_id_);
    }
    const auto others = registry_.announce_and_list(options_.self);
    if (!others) return others.error().text;
    std::vector<std::string> targets;
    std::vector<base::NodeId> alive;
    for (const store::RegisteredRelay& other : *others) {
        if (!other.address.empty()) targets.push_back(other.address);
        if (other.age <= kAlive) alive.push_back(other.node);
    }
    alive_.set(static_cast<std::int64_t>(alive.size()));
    mesh_.set_alive(std::move(alive));
    if (options_.is_discovery) mesh_.add_targets(std::move(targets));
    return {};
}

// Once for each trouble, not every two seconds.
void RegistryWatch::report(const std::string& trouble) {
    if (!trouble.empty()) {
        failures_.add();
        alive_.set(0);
        mesh_.set_alive({});
    }
    if (trouble == trouble_) return;
    trouble_ = trouble;
    if (!trouble.empty()) {
        base::log::warn(
            "cluster: {}{}", trouble,
            log_id_.empty() ? "; no link with other relays is made before it answers" : "");
    } else {
        base::log::info("cluster: the registry of relays in the database answers again");
    }
}

}  // namespace parrhesia::app
