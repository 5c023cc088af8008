#include "app/cluster.hpp"

#include "parrhesia/mesh/cluster_secret.hpp"

#include "app/node_identity.hpp"
#include "app/version.hpp"

#include <algorithm>
#include <utility>

namespace parrhesia::app {
namespace {

bool is_dns(const mesh::DiscoverySource& source) noexcept {
    return source.kind == mesh::DiscoverySource::Kind::dns ||
           source.kind == mesh::DiscoverySource::Kind::srv;
}

RegistryWatchOptions registry_options(const Config& config, const mesh::NodeStatus& self) {
    RegistryWatchOptions options;
    options.registry.connection = config.postgres.connection;
    options.registry.application_name = config.postgres.application_name;
    options.registry.connect_timeout = config.postgres.connect_timeout_ms;
    options.cluster = config.cluster.name;
    options.self.node = self.node;
    options.self.boot = self.boot;
    options.self.address = self.address;
    const auto sources = config.cluster.parsed_discovery();
    options.is_discovery = std::ranges::any_of(sources, [](const auto& source) {
        return source.kind == mesh::DiscoverySource::Kind::postgres;
    });
    return options;
}

}  // namespace

pipeline::Sharing sharing_of(const Config& config) noexcept {
    return is_database_shared(config) ? pipeline::Sharing::one_database
                                      : pipeline::Sharing::own_stores;
}

Cluster::Cluster(const Config& config, base::MetricsRegistry& metrics)
    : config_(config), metrics_(metrics), mesh_(mesh_options(), *this, metrics) {}

Cluster::~Cluster() { stop(std::chrono::milliseconds(0)); }

mesh::MeshOptions Cluster::mesh_options() {
    const ClusterSection& section = config_.cluster;
    mesh::MeshOptions options;
    options.cluster = section.name;
    options.node = read_or_make_node_id(node_id_file(config_));
    options.boot = next_boot(node_id_file(config_));
    options.software = "parrhesia " + std::string(version());
    const mesh::HostPort listen = section.parsed_listen();
    options.listen_host = listen.host;
    options.listen_port = listen.port;
    options.advertise = section.advertise;
    options.shared_database = is_database_shared(config_);
    for (const mesh::DiscoverySource& source : section.parsed_discovery()) {
        if (is_dns(source)) options.dns.push_back(source);
        if (source.kind == mesh::DiscoverySource::Kind::fixed) {
            options.targets.push_back(mesh::to_text(source.target));
        }
    }
    options.load = [this] { return load_ ? load_() : mesh::Load{}; };

    options.tls = section.tls;
    options.secret = mesh::read_cluster_secret(section.psk_file);
    for (const std::string& file : section.psk_accept) {
        options.accepted_secrets.push_back(mesh::read_cluster_secret(file));
    }
    options.certificate_file = section.cert_file;
    options.certificate_key_file = section.cert_key_file;
    options.ca_file = section.ca_file;

    options.heartbeat = section.heartbeat_ms;
    options.suspect = section.suspect_ms;
    options.dead = section.dead_ms;
    options.max_peers = section.max_peers;
    options.max_frame_bytes = section.max_frame_bytes;
    options.marmot_queue_bytes = section.queue_marmot_bytes;
    options.generic_queue_bytes = section.queue_generic_bytes;
    options.ephemeral_queue_bytes = section.queue_ephemeral_bytes;
    options.ephemeral_expiry = section.ephemeral_ttl_ms;
    options.compression = section.compression;
    return options;
}

void Cluster::start(pipeline::Relay& relay, std::function<mesh::Load()> load) {
    relay_ = &relay;
    load_ = std::move(load);
    mesh_.start();
    if (is_database_shared(config_)) {
        registry_.emplace(registry_options(config_, mesh_.status()), mesh_, metrics_);
    }
}

std::string Cluster::address() const { return mesh_.status().address; }

std::string Cluster::status_json() const { return mesh::to_json(mesh_.status()); }

void Cluster::publish(std::span<const fanout::Published> events) { mesh_.publish(events); }

void Cluster::take(std::vector<fanout::Published> events, std::function<void()> done) {
    relay_->take_remote(std::move(events), std::move(done));
}

void Cluster::stop(std::chrono::milliseconds grace) {
    mesh_.stop(grace);
    registry_.reset();
}

}  // namespace parrhesia::app
