#include "app/config_keys_cluster.hpp"

#include "parrhesia/mesh/discovery.hpp"

#include "app/key_builders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace parrhesia::app {
namespace {

using C = ClusterSection;

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::size_t kMaxNameCharacters = 64;  // of a HELLO

bool is_in_name(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

std::string described(const std::string& value) { return describe(ConfigValue(value)); }

void add_name(const Section<C>& section) {
    section.custom<std::string>(
        "name", ValueType::text,
        fmt::format("1 to {} letters, digits, \"-\", \"_\" or \".\"", kMaxNameCharacters),
        "Name of the cluster. Relays of another cluster are refused.",
        [](const C& cluster) { return cluster.name; },
        [](C& cluster, const std::string& value) {
            if (value.empty() || value.size() > kMaxNameCharacters ||
                !std::all_of(value.begin(), value.end(), is_in_name)) {
                return described(value);
            }
            cluster.name = value;
            return std::string();
        });
}

void add_addresses(const Section<C>& section) {
    section.custom<std::string>(
        "listen", ValueType::text,
        "an IP address with a port (\"10.0.0.5:7447\", \"[fd00::5]:7447\")",
        "Where the other relays of the cluster are listened for: an address that only they reach. "
        "\"0.0.0.0:7447\" is every IPv4 address, \"[::]:7447\" every address; cluster.advertise is "
        "needed then. Port 0 takes any free port.",
        [](const C& cluster) { return cluster.listen; },
        [](C& cluster, const std::string& value) {
            const auto target = mesh::parse_host_port(value);
            if (!target || !base::parse_ip(target->host)) return described(value);
            cluster.listen = value;
            return std::string();
        });
    section.custom<std::string>(
        "advertise", ValueType::text,
        "an address or a name with a port (\"10.0.0.5:7447\"), or an empty string",
        "Where the others reach this relay, if not at cluster.listen.",
        [](const C& cluster) { return cluster.advertise; },
        [](C& cluster, const std::string& value) {
            const auto target = mesh::parse_host_port(value);
            if (!value.empty() && (!target || target->port == 0)) return described(value);
            cluster.advertise = value;
            return std::string();
        });
}

void add_membership_keys(const Section<C>& section) {
    section.boolean("enabled", &C::enabled,
                    "Be one of a cluster of relays. It needs cluster.psk_file, and a way to find "
                    "the others: cluster.discovery here or there.");
    add_name(section);
    add_addresses(section);
    section.choice<ClusterTopology>(
        "topology", &C::topology,
        {{"auto", ClusterTopology::automatic},
         {"shared", ClusterTopology::shared},
         {"replicated", ClusterTopology::replicated}},
        "\"shared\": all relays are on one PostgreSQL database. \"replicated\": each has a store "
        "of its own, and verifies what it gets from the others. \"auto\" is \"shared\" when "
        "store.engine is \"postgres\", else \"replicated\". The same for all relays of a cluster.");
    section.list(
        "discovery", &C::discovery,
        "a list of sources, as strings (\"static:10.0.0.6:7447\", \"dns:relay.internal:7447\", "
        "\"srv:_mesh._tcp.relay.internal\", \"postgres\")",
        discovery_fault,
        "Where the other relays are found: \"static\" is one of them; \"dns\" is every address of "
        "a name, as of a headless service of Kubernetes; \"srv\" has names and ports from DNS; "
        "\"postgres\" is a table in the shared database, in which every relay writes itself. DNS "
        "is asked every five seconds. Relays tell each other whom they know, so not every one has "
        "to be found here; a source that fails ends no link.");
    section.integer("max_peers", &C::max_peers, {1, 32, "relays"},
                    "Other relays that this one is linked with. Each is linked with every other.");
}

void add_security_keys(const Section<C>& section) {
    section.choice<mesh::Tls>(
        "tls", &C::tls,
        {{"psk", mesh::Tls::psk}, {"mtls", mesh::Tls::mtls}, {"off", mesh::Tls::off}},
        "How links are encrypted, with TLS 1.3: \"psk\" by the secret of cluster.psk_file; "
        "\"mtls\" by certificates of both sides; \"off\" not at all, which needs "
        "cluster.insecure_ok. In each case both sides prove that they know the secret.");
    section.text("psk_file", &C::psk_file, Text::any,
                 "File with the secret of the cluster: 64 lowercase hex digits, readable by the "
                 "user of the relay alone. \"parrhesia cluster keygen --out FILE\" makes it; every "
                 "relay of the cluster has the same.");
    section.list(
        "psk_accept", &C::psk_accept, "a list of files, as strings",
        [](const std::string& file) { return file.empty() ? "which names no file" : ""; },
        "Files with further secrets that others may use. To change the secret: add the new one "
        "here on every relay, then make it cluster.psk_file and the old one accepted, then remove "
        "the old one; restart the relays one by one at each step.");
    section.text("cert_file", &C::cert_file, Text::any,
                 "For \"mtls\": PEM file with this relay's certificate and those between it and "
                 "that of the authority.");
    section.text("cert_key_file", &C::cert_key_file, Text::any,
                 "For \"mtls\": PEM file with the key of the certificate.");
    section.text("ca_file", &C::ca_file, Text::any,
                 "For \"mtls\": PEM file with the authority that has signed the certificates of "
                 "all relays of the cluster, and of nobody else.");
    section.boolean("insecure_ok", &C::insecure_ok,
                    "Allow cluster.tls = \"off\": whoever is on that network reads and changes "
                    "what the relays tell each other. Only with loopback or private addresses.");
}

void add_liveness_keys(const Section<C>& section) {
    section.integer(
        "heartbeat_ms", &C::heartbeat_ms, {50, 60'000, "milliseconds"},
        "How often this relay tells the others that it is there. Of two relays the longer "
        "interval holds for both, and their next two limits grow with it.");
    section.integer("suspect_ms", &C::suspect_ms, {100, 300'000, "milliseconds"},
                    "A relay from which nothing was heard for so long is suspected of being gone. "
                    "Must be more than cluster.heartbeat_ms.");
    section.integer("dead_ms", &C::dead_ms, {150, 600'000, "milliseconds"},
                    "The link to a relay that was silent for so long is closed. Must be more than "
                    "cluster.suspect_ms.");
}

void add_queue_keys(const Section<C>& section) {
    section.integer("max_frame_bytes", &C::max_frame_bytes, {128 * kKiB, 16 * kMiB, "bytes"},
                    "Size of a frame that is taken from another relay. At least twice "
                    "limits.event_bytes, also of the other relays.");
    const Range queue{64 * kKiB, 1024 * kMiB, "bytes"};
    section.integer(
        "queue_generic_bytes", &C::queue_generic_bytes, queue,
        "Events that wait for one other relay. When it is used up, all of it is dropped, and that "
        "relay is told what it misses. At least twice limits.event_bytes, as the next two.");
    section.integer("queue_marmot_bytes", &C::queue_marmot_bytes, queue,
                    "The same for events of MLS groups (Marmot), which go before the others.");
    section.integer("queue_ephemeral_bytes", &C::queue_ephemeral_bytes, queue,
                    "The same for ephemeral events, of which the oldest are dropped.");
    section.integer("ephemeral_ttl_ms", &C::ephemeral_ttl_ms, {100, 600'000, "milliseconds"},
                    "An ephemeral event that has waited so long is dropped.");
    section.choice<mesh::Compression>(
        "compression", &C::compression,
        {{"auto", mesh::Compression::automatic},
         {"always", mesh::Compression::always},
         {"never", mesh::Compression::never}},
        "Compress what is sent to other relays. \"auto\": to those that are more than 10 ms away "
        "and back.");
}

}  // namespace

void add_cluster_keys(std::vector<ConfigKey>& keys) {
    const Section section("cluster", &Config::cluster, keys);
    add_membership_keys(section);
    add_security_keys(section);
    add_liveness_keys(section);
    add_queue_keys(section);
}

}  // namespace parrhesia::app
