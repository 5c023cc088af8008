#include "mesh/dns.hpp"

#include "parrhesia/base/log.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <set>
#include <utility>

namespace parrhesia::mesh {

using Kind = DiscoverySource::Kind;

DnsDiscovery::DnsDiscovery(const std::vector<DiscoverySource>& sources, Found found,
                           base::MetricsRegistry& registry, DnsLookups lookups,
                           std::chrono::milliseconds interval)
    : found_(std::move(found)),
      lookups_(std::move(lookups)),
      interval_(interval),
      random_(std::random_device()()) {
    for (const DiscoverySource& source : sources) {
        if (source.kind != Kind::dns && source.kind != Kind::srv) continue;
        base::Counter& failures = registry.counter("parrhesia_mesh_discovery_failures_total",
                                                   "Lookups of peers that failed, by their source",
                                                   {{"source", source.text}});
        watched_.push_back({source, failures, {}, false});
    }
    if (watched_.empty()) return;
    thread_ = std::thread([this] { run(); });
    ::pthread_setname_np(thread_.native_handle(), "mesh-dns");
}

DnsDiscovery::~DnsDiscovery() {
    if (!thread_.joinable()) return;
    {
        const std::scoped_lock lock(mutex_);
        done_ = true;
    }
    over_.notify_one();
    thread_.join();
}

void DnsDiscovery::run() {
    const auto fifth = interval_ / 5;
    // Relays that were started together do not ask together for ever.
    std::uniform_int_distribution<std::chrono::milliseconds::rep> wait((interval_ - fifth).count(),
                                                                       (interval_ + fifth).count());
    for (;;) {
        look_up_all();
        std::unique_lock lock(mutex_);
        const std::chrono::milliseconds time(wait(random_));
        if (over_.wait_for(lock, time, [this] { return done_; })) return;
    }
}

void DnsDiscovery::look_up_all() {
    std::set<std::string> all;
    for (Watched& watched : watched_) {
        const std::string trouble = look_up(watched);
        if (is_done()) return;
        report(watched, trouble);
        all.insert(watched.targets.begin(), watched.targets.end());
    }
    if (!all.empty()) found_({all.begin(), all.end()});
}

bool DnsDiscovery::is_done() {
    const std::scoped_lock lock(mutex_);
    return done_;
}

std::string DnsDiscovery::look_up(Watched& watched) {
    std::vector<HostPort> hosts{watched.source.target};
    if (watched.source.kind == Kind::srv) {
        auto named = lookups_.service(watched.source.target.host);
        if (!named) return named.error().text;
        hosts = *std::move(named);
    }
    std::vector<std::string> targets;
    std::string trouble;
    for (const HostPort& host : hosts) {
        if (is_done()) break;
        std::string failed = add_addresses(host, targets);
        if (!failed.empty()) trouble = std::move(failed);
    }
    // Of a service of which one name fails, the earlier addresses may be that one's.
    if (!trouble.empty()) {
        for (std::string& known : watched.targets) targets.push_back(std::move(known));
    }
    watched.targets.clear();
    for (std::string& target : targets) {
        if (watched.targets.size() == kMaxDnsAnswers) break;
        const auto& kept = watched.targets;
        if (std::find(kept.begin(), kept.end(), target) != kept.end()) continue;
        watched.targets.push_back(std::move(target));
    }
    return trouble;
}

std::string DnsDiscovery::add_addresses(const HostPort& host,
                                        std::vector<std::string>& targets) const {
    const auto addresses = lookups_.addresses(host.host);
    if (!addresses) return fmt::format("{}: {}", host.host, addresses.error().text);
    for (const base::IpAddress& address : *addresses) {
        targets.push_back(to_text({address.to_string(), host.port}));
    }
    return {};
}

void DnsDiscovery::report(Watched& watched, const std::string& trouble) {
    if (!trouble.empty()) watched.failures.add();
    const bool was_failing = std::exchange(watched.is_failing, !trouble.empty());
    if (was_failing == watched.is_failing) return;
    if (watched.is_failing) {
        base::log::warn(
            "mesh: {} cannot be looked up: {}; peers that are known already stay. Correct the name "
            "in cluster.discovery, or look at the name server.",
            watched.source.text, trouble);
    } else {
        base::log::info("mesh: {} is found again, {} addresses", watched.source.text,
                        watched.targets.size());
    }
}

}  // namespace parrhesia::mesh
