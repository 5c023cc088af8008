#include "app/config_checks.hpp"

#include "app/config_keys.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

namespace parrhesia::app {
namespace {

enum class Must { be_less, be_more, not_be_less, not_be_more };

struct Rule {
    std::string_view key;
    Must relation;
    std::string_view other;
};

constexpr Rule kRules[] = {
    {"limits.event_bytes", Must::be_less, "limits.message_bytes"},
    {"limits.default_limit", Must::not_be_more, "limits.max_limit"},
    {"limits.unsent_bytes", Must::not_be_less, "limits.message_bytes"},
    {"rates.response_bytes", Must::not_be_more, "limits.unsent_bytes"},
    {"limits.connection_filter_items", Must::not_be_less, "limits.filter_items"},
    {"limits.event_bytes", Must::not_be_more, "store.queue_bytes"},
    {"relay.idle_seconds", Must::be_more, "relay.ping_seconds"},
    {"relay.max_connections_per_ip", Must::not_be_more, "relay.max_connections"},
};

bool holds(Must relation, std::int64_t a, std::int64_t b) {
    switch (relation) {
        case Must::be_less:
            return a < b;
        case Must::be_more:
            return a > b;
        case Must::not_be_less:
            return a >= b;
        case Must::not_be_more:
            return a <= b;
    }
    return false;
}

std::string_view words_of(Must relation) {
    switch (relation) {
        case Must::be_less:
            return "less than";
        case Must::be_more:
            return "more than";
        case Must::not_be_less:
            return "at least";
        case Must::not_be_more:
            return "at most";
    }
    return "";
}

std::int64_t number_at(const Config& config, std::string_view key) {
    return std::get<std::int64_t>(find_config_key(key)->get(config));
}

bool is_any_address(const std::string& bind) { return bind == "0.0.0.0" || bind == "::"; }

}  // namespace

std::vector<ConfigConflict> conflicts_of(const Config& config) {
    std::vector<ConfigConflict> conflicts;
    for (const Rule& rule : kRules) {
        const std::int64_t value = number_at(config, rule.key);
        const std::int64_t bound = number_at(config, rule.other);
        if (holds(rule.relation, value, bound)) continue;
        conflicts.push_back({std::string(rule.key), std::string(rule.other),
                             fmt::format("expected {} {} ({}), found {}", words_of(rule.relation),
                                         rule.other, bound, value)});
    }
    if (config.relay.proxy_protocol && config.relay.trusted_proxies.empty()) {
        conflicts.push_back({"relay.proxy_protocol", "relay.trusted_proxies",
                             "expected the proxies that speak it in relay.trusted_proxies, found "
                             "none"});
    }
    const bool same_address = config.relay.bind == config.admin.bind ||
                              is_any_address(config.relay.bind) ||
                              is_any_address(config.admin.bind);
    if (same_address && config.admin.port != 0 && config.relay.port == config.admin.port) {
        conflicts.push_back({"admin.port", "relay.port",
                             fmt::format("expected another port than relay.port ({}), found {}",
                                         config.relay.port, config.admin.port)});
    }
    add_cluster_conflicts(config, conflicts);
    return conflicts;
}

}  // namespace parrhesia::app
