// What an operator may configure. Every field bears the name of its key; the keys themselves, with
// units, ranges and descriptions, are config_keys.hpp's table, and config/parrhesia.toml documents
// them.
#pragma once

#include "parrhesia/base/log.hpp"
#include "parrhesia/base/network.hpp"
#include "parrhesia/base/token_bucket.hpp"
#include "parrhesia/event/kind_set.hpp"
#include "parrhesia/mesh/discovery.hpp"
#include "parrhesia/mesh/options.hpp"
#include "parrhesia/net/relay_server.hpp"
#include "parrhesia/policy/access.hpp"
#include "parrhesia/policy/limits.hpp"
#include "parrhesia/policy/marmot.hpp"
#include "parrhesia/policy/rates.hpp"
#include "parrhesia/store/retention.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace parrhesia::app {

struct RelaySection {
    std::string bind = "127.0.0.1";
    std::uint16_t port = 7777;  // 0: any free port
    unsigned threads = 0;       // 0: one per core
    std::string public_url;
    bool compression = false;
    bool mute_unheard = false;
    std::chrono::seconds handshake_seconds{10};
    std::chrono::seconds frame_seconds{30};
    std::chrono::seconds ping_seconds{30};
    std::chrono::seconds idle_seconds{90};
    std::chrono::seconds shutdown_seconds{10};
    std::size_t max_connections = 16000;
    std::size_t max_connections_per_ip = 100;
    std::vector<std::string> trusted_proxies;  // networks in CIDR form, checked
    net::ForwardedHeader forwarded_header = net::ForwardedHeader::x_forwarded_for;
    bool proxy_protocol = false;
};

struct InfoSection {
    std::string name = "Parrhesia";
    std::string description;
    std::string pubkey;
    std::string contact;
    std::string icon;
    std::string banner;
    std::string terms_of_service;
};

struct AdminSection {
    std::string bind = "127.0.0.1";
    std::uint16_t port = 7778;  // 0: off
};

struct StoreSection {
    std::string engine = "lmdb";
    std::string path = "data";
    unsigned readers = 0;  // 0: one per core
    std::size_t max_batch_events = 1000;
    std::size_t queue_bytes = std::size_t{64} << 20;
    std::chrono::seconds query_seconds{30};
    std::chrono::milliseconds slice_ms{5};
    std::uint64_t disk_reserve_bytes = std::uint64_t{1} << 30;  // 0: none
};

struct PostgresSection {
    std::string connection;             // as libpq takes it, checked
    std::vector<std::string> replicas;  // the same
    std::chrono::milliseconds max_replica_lag_ms{5000};
    unsigned read_connections = 0;  // 0: one for each of store.readers
    std::string application_name = "parrhesia";
    std::chrono::milliseconds connect_timeout_ms{3000};
    std::chrono::milliseconds write_timeout_ms{5000};
    std::chrono::milliseconds idle_in_transaction_ms{10'000};
    bool migrate = true;
    std::chrono::hours log_retention_hours{24};
};

struct LimitsSection : policy::Limits {
    std::vector<std::string> exempt;        // networks in CIDR form, checked
    std::vector<std::string> denied_kinds;  // "1984", "1000-1999", checked
    // The lists, ready to ask.
    [[nodiscard]] base::NetworkList exempt_networks() const;
    [[nodiscard]] event::KindSet denied_kind_set() const;
};

struct AuthSection {
    policy::Access read = policy::Access::everyone;
    policy::Access write = policy::Access::everyone;
    std::vector<std::string> write_kinds;      // as limits.denied_kinds
    std::vector<std::string> allowed_pubkeys;  // hex, checked
    std::vector<std::string> denied_pubkeys;   // hex, checked
    bool challenge_at_connect = false;
    std::size_t max_pubkeys = 20;
    // All of it, ready to ask.
    [[nodiscard]] policy::AccessRules rules() const;
};

struct RetentionSection {
    std::vector<std::string> rules;  // as store::parse_retention_rule() reads them, checked
    std::chrono::seconds interval_seconds{3600};
    // `rules`, ready to use.
    [[nodiscard]] std::vector<store::RetentionRule> parsed_rules() const;
};

struct RatesSection : policy::Rates {
    std::vector<std::string> kind_group_lines;  // kind_groups, as they were written
    base::TokenRate bytes_connection{8u << 20, 64u << 20};
    base::TokenRate bytes_ip{32u << 20, 256u << 20};
    std::size_t queries_per_connection = 8;
    std::size_t response_bytes = 4u << 20;
    std::uint64_t max_query_cost = 250'000;  // 0: no bound
};

enum class ClusterTopology : std::uint8_t { automatic, shared, replicated };

struct ClusterSection {
    bool enabled = false;
    bool insecure_ok = false;
    mesh::Tls tls = mesh::Tls::psk;
    ClusterTopology topology = ClusterTopology::automatic;
    mesh::Compression compression = mesh::Compression::automatic;
    std::uint32_t max_frame_bytes = 1u << 20;
    std::string name = "parrhesia";
    std::string listen = "127.0.0.1:7447";  // an IP address; port 0: any free one
    std::string advertise;                  // empty: where it listens
    std::vector<std::string> discovery;     // as mesh::parse_discovery() reads them, checked
    std::size_t max_peers = 32;
    std::string psk_file;
    std::vector<std::string> psk_accept;  // files
    std::string cert_file;
    std::string cert_key_file;
    std::string ca_file;
    std::chrono::milliseconds heartbeat_ms{1000};
    std::chrono::milliseconds suspect_ms{3000};
    std::chrono::milliseconds dead_ms{6000};
    std::size_t queue_generic_bytes = std::size_t{32} << 20;
    std::size_t queue_marmot_bytes = std::size_t{16} << 20;
    std::size_t queue_ephemeral_bytes = std::size_t{4} << 20;
    std::chrono::milliseconds ephemeral_ttl_ms{5000};
    // `discovery` and `listen`, ready to use.
    [[nodiscard]] std::vector<mesh::DiscoverySource> parsed_discovery() const;
    [[nodiscard]] mesh::HostPort parsed_listen() const;
};

struct LogSection {
    base::log::Level level = base::log::Level::info;
    base::log::Format format = base::log::Format::text;
};

// The default-constructed Config is what the relay uses without a file.
struct Config {
    RelaySection relay;
    InfoSection info;
    AdminSection admin;
    StoreSection store;
    PostgresSection postgres;
    LimitsSection limits;
    AuthSection auth;
    policy::MarmotRules marmot;
    RatesSection rates;
    RetentionSection retention;
    ClusterSection cluster;
    LogSection log;
};

// relay.public_url in the form in which relay URLs are compared; none when it is not set.
[[nodiscard]] std::vector<std::string> relay_urls(const Config& config);

// Networks that were checked when the configuration was read, ready to ask.
[[nodiscard]] base::NetworkList network_list(const std::vector<std::string>& networks);

// Whether all relays of the cluster are on one database: cluster.topology, with "auto" decided.
[[nodiscard]] bool is_database_shared(const Config& config) noexcept;

// A configured number of threads, 0 being the number of cores.
[[nodiscard]] unsigned threads_or_cores(unsigned configured) noexcept;

}  // namespace parrhesia::app
