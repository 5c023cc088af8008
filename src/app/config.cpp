#include "app/config.hpp"

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/relay_url.hpp"

#include <algorithm>
#include <thread>

namespace parrhesia::app {
namespace {

// The elements of all lists have been checked when the configuration was read (key_builders.hpp).

event::KindSet to_kind_set(const std::vector<std::string>& kinds) {
    event::KindSet set;
    for (const std::string& kind : kinds) {
        [[maybe_unused]] const bool added = set.add(kind);
    }
    return set;
}

std::vector<base::PubKey> to_pubkeys(const std::vector<std::string>& texts) {
    std::vector<base::PubKey> pubkeys;
    for (const std::string& text : texts) {
        if (const auto pubkey = base::parse_hex<base::PubKey>(text)) pubkeys.push_back(*pubkey);
    }
    std::sort(pubkeys.begin(), pubkeys.end());
    return pubkeys;
}

}  // namespace

base::NetworkList network_list(const std::vector<std::string>& networks) {
    base::NetworkList list;
    for (const std::string& network : networks) {
        // Checked when the configuration was read (key_builders.hpp).
        [[maybe_unused]] const bool added = list.add(network);
    }
    return list;
}

base::NetworkList LimitsSection::exempt_networks() const { return network_list(exempt); }

event::KindSet LimitsSection::denied_kind_set() const { return to_kind_set(denied_kinds); }

policy::AccessRules AuthSection::rules() const {
    policy::AccessRules rules;
    rules.read = read;
    rules.write = write;
    rules.write_kinds = to_kind_set(write_kinds);
    rules.allowed = to_pubkeys(allowed_pubkeys);
    rules.denied = to_pubkeys(denied_pubkeys);
    return rules;
}

std::vector<store::RetentionRule> RetentionSection::parsed_rules() const {
    std::vector<store::RetentionRule> parsed;
    for (const std::string& rule : rules) {
        auto one = store::parse_retention_rule(rule);
        if (one) parsed.push_back(*std::move(one));
    }
    return parsed;
}

std::vector<mesh::DiscoverySource> ClusterSection::parsed_discovery() const {
    std::vector<mesh::DiscoverySource> sources;
    for (const std::string& text : discovery) {
        auto source = mesh::parse_discovery(text);
        if (source) sources.push_back(*std::move(source));
    }
    return sources;
}

mesh::HostPort ClusterSection::parsed_listen() const {
    return mesh::parse_host_port(listen).value();
}

bool is_database_shared(const Config& config) noexcept {
    if (config.cluster.topology != ClusterTopology::automatic) {
        return config.cluster.topology == ClusterTopology::shared;
    }
    return config.store.engine == "postgres";
}

std::vector<std::string> relay_urls(const Config& config) {
    const auto url = base::normalized_relay_url(config.relay.public_url);
    return url ? std::vector<std::string>{*url} : std::vector<std::string>{};
}

unsigned threads_or_cores(unsigned configured) noexcept {
    if (configured != 0) return configured;
    return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace parrhesia::app
