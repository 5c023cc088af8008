#include "parrhesia/mesh/discovery.hpp"

#include "app/config_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace parrhesia::app {
namespace {

class Conflicts {
  public:
    explicit Conflicts(std::vector<ConfigConflict>& out) : out_(out) {}
    void add(std::string_view key, std::string_view other, std::string text) {
        out_.push_back({std::string(key), std::string(other), std::move(text)});
    }

  private:
    std::vector<ConfigConflict>& out_;
};

void check_topology(const Config& config, Conflicts& conflicts) {
    if (config.store.engine == "postgres") return;
    if (config.cluster.topology == ClusterTopology::shared) {
        conflicts.add("cluster.topology", "store.engine",
                      fmt::format("expected \"auto\" or \"replicated\", since relays cannot share "
                                  "the store \"{}\", found \"shared\"",
                                  config.store.engine));
    }
    for (const auto& source : config.cluster.parsed_discovery()) {
        if (source.kind != mesh::DiscoverySource::Kind::postgres) continue;
        conflicts.add("cluster.discovery", "store.engine",
                      fmt::format("expected no \"postgres\", which is a table in the store, where "
                                  "the store is \"{}\", found it",
                                  config.store.engine));
        break;
    }
}

// Whether others can dial it.
bool is_any_address(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

bool is_private(const mesh::HostPort& target) {
    const auto address = base::parse_ip(target.host);
    return address && mesh::is_private_or_loopback(*address);
}

void check_addresses(const ClusterSection& cluster, Conflicts& conflicts) {
    const mesh::HostPort listen = cluster.parsed_listen();
    if (cluster.advertise.empty() && is_any_address(listen.host)) {
        conflicts.add("cluster.advertise", "cluster.listen",
                      fmt::format("expected where others reach this relay, since nobody can dial "
                                  "cluster.listen ({}), found an empty string",
                                  cluster.listen));
    }
    if (cluster.tls != mesh::Tls::off) return;
    if (!cluster.insecure_ok) {
        conflicts.add("cluster.tls", "cluster.insecure_ok",
                      "expected \"psk\" or \"mtls\", or cluster.insecure_ok = true for a network "
                      "that nobody else is on, found \"off\"");
        return;
    }
    constexpr std::string_view kExpected =
        "expected a loopback or private address, without a name, where cluster.tls is \"off\", "
        "found \"{}\"";
    if (!is_private(listen)) {
        conflicts.add("cluster.listen", "cluster.tls", fmt::format(kExpected, cluster.listen));
    }
    const auto advertise = mesh::parse_host_port(cluster.advertise);
    if (advertise && !is_private(*advertise)) {
        conflicts.add("cluster.advertise", "cluster.tls",
                      fmt::format(kExpected, cluster.advertise));
    }
}

// It asks the io threads of one relay.
void check_ephemeral(const Config& config, Conflicts& conflicts) {
    if (!config.relay.mute_unheard) return;
    conflicts.add("relay.mute_unheard", "cluster.enabled",
                  "expected false, since an event that nobody hears on this relay may be heard on "
                  "another one of the cluster, found true");
}

void check_secrets(const ClusterSection& cluster, Conflicts& conflicts) {
    if (cluster.psk_file.empty()) {
        conflicts.add("cluster.psk_file", "cluster.enabled",
                      "expected a file with the secret of the cluster (\"parrhesia cluster keygen "
                      "--out FILE\" makes one), found none");
    }
    if (cluster.tls != mesh::Tls::mtls) return;
    const std::pair<const char*, const std::string&> files[] = {
        {"cluster.cert_file", cluster.cert_file},
        {"cluster.cert_key_file", cluster.cert_key_file},
        {"cluster.ca_file", cluster.ca_file}};
    for (const auto& [key, file] : files) {
        if (!file.empty()) continue;
        conflicts.add(key, "cluster.tls",
                      "expected a PEM file, which \"mtls\" needs, found an empty string");
    }
}

void check_times(const ClusterSection& cluster, Conflicts& conflicts) {
    const auto check = [&](const char* key, std::chrono::milliseconds value, const char* other,
                           std::chrono::milliseconds bound) {
        if (value > bound) return;
        conflicts.add(key, other,
                      fmt::format("expected more than {} ({}), found {}", other, bound.count(),
                                  value.count()));
    };
    check("cluster.suspect_ms", cluster.suspect_ms, "cluster.heartbeat_ms", cluster.heartbeat_ms);
    check("cluster.dead_ms", cluster.dead_ms, "cluster.suspect_ms", cluster.suspect_ms);
}

// Twice, since JSON may grow by what a frame says of it, and a queue needs room for another one.
void check_sizes(const Config& config, Conflicts& conflicts) {
    const ClusterSection& cluster = config.cluster;
    const std::size_t bound = 2 * config.limits.event_bytes;
    const auto check = [&](const char* key, std::size_t value) {
        if (value >= bound) return;
        conflicts.add(
            key, "limits.event_bytes",
            fmt::format("expected at least twice limits.event_bytes ({}), found {}", bound, value));
    };
    check("cluster.max_frame_bytes", cluster.max_frame_bytes);
    check("cluster.queue_generic_bytes", cluster.queue_generic_bytes);
    check("cluster.queue_marmot_bytes", cluster.queue_marmot_bytes);
    check("cluster.queue_ephemeral_bytes", cluster.queue_ephemeral_bytes);
}

}  // namespace

void add_cluster_conflicts(const Config& config, std::vector<ConfigConflict>& out) {
    if (!config.cluster.enabled) return;
    Conflicts conflicts(out);
    check_topology(config, conflicts);
    check_addresses(config.cluster, conflicts);
    check_ephemeral(config, conflicts);
    check_secrets(config.cluster, conflicts);
    check_times(config.cluster, conflicts);
    check_sizes(config, conflicts);
}

}  // namespace parrhesia::app
