// Asks DNS every few seconds who is in the cluster.
#pragma once

#include "parrhesia/base/metrics.hpp"
#include "parrhesia/mesh/discovery.hpp"

#include "mesh/dns_lookup.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::mesh {

// A lookup that fails keeps what an earlier one has found: DNS being away says nothing about the
// relays. One that succeeds replaces it, which ends no link either.
//
// Threading: belongs to the thread that made it; looks up, and calls back, on a thread of its own
// ("mesh-dns"), since name servers that do not answer block whoever asks.
// Lifetime:  the registry outlives it. The destructor waits for the one name that is being looked
// up, for as long as DnsLookups says; while none is, it returns at once.
class DnsDiscovery {
  public:
    static constexpr std::chrono::milliseconds kInterval{5000};  // ± 20 %

    // All that is known, as "10.0.0.6:7447", after each round in which there is anything: a target
    // that is named again stays worth a dial.
    using Found = std::function<void(std::vector<std::string> targets)>;

    // Of `sources`, those of DNS; without any, there is no thread.
    DnsDiscovery(const std::vector<DiscoverySource>& sources, Found found,
                 base::MetricsRegistry& registry, DnsLookups lookups = system_lookups(),
                 std::chrono::milliseconds interval = kInterval);
    ~DnsDiscovery();
    DnsDiscovery(const DnsDiscovery&) = delete;
    DnsDiscovery& operator=(const DnsDiscovery&) = delete;

  private:
    struct Watched {
        DiscoverySource source;
        base::Counter& failures;
        std::vector<std::string> targets;  // as last found
        bool is_failing = false;
    };

    void run();
    void look_up_all();
    // Empty, or what has failed.
    [[nodiscard]] std::string look_up(Watched& watched);
    [[nodiscard]] bool is_done();
    [[nodiscard]] std::string add_addresses(const HostPort& host,
                                            std::vector<std::string>& targets) const;
    static void report(Watched& watched, const std::string& trouble);

    // constant after construction
    const Found found_;
    const DnsLookups lookups_;
    const std::chrono::milliseconds interval_;

    // owned by the thread
    std::vector<Watched> watched_;
    std::minstd_rand random_;

    std::mutex mutex_;
    std::condition_variable over_;
    bool done_ = false;  // guarded by mutex_
    std::thread thread_;
};

}  // namespace parrhesia::mesh
