#include "app/config_keys_rates.hpp"

#include "parrhesia/policy/kind_group.hpp"

#include "app/key_builders.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace parrhesia::app {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::size_t kMaxGroups = 255;

using Rates = Section<RatesSection>;

template <class Owner>
void add_rate(const Rates& section, const char* key, base::TokenRate Owner::*field,
              std::string description) {
    section.custom<std::string>(
        key, ValueType::text, "a rate such as \"20/s burst 200\", or \"off\"",
        std::move(description),
        [field](const RatesSection& rates) { return policy::to_string(rates.*field); },
        [field](RatesSection& rates, const std::string& text) {
            const auto rate = policy::parse_rate(text);
            if (!rate) return "the string " + rate.error().text;
            rates.*field = *rate;
            return std::string();
        });
}

// What is wrong with the lines, or an empty string; `groups` are then what they say.
std::string parse_groups(const std::vector<std::string>& lines,
                         std::vector<policy::KindGroup>& groups) {
    std::map<event::Kind, std::string> group_of;
    for (const std::string& line : lines) {
        const auto group = policy::parse_kind_group(line);
        if (!group) return fmt::format("{} in \"{}\"", group.error().text, line);
        for (const event::KindSet::Range range : group->kinds.ranges()) {
            for (unsigned kind = range.first; kind <= range.last; ++kind) {
                const auto [other, is_first] =
                    group_of.emplace(static_cast<event::Kind>(kind), group->name);
                if (is_first) continue;
                return fmt::format("kind {} in both \"{}\" and \"{}\"", kind, other->second,
                                   group->name);
            }
        }
        groups.push_back(*group);
    }
    if (groups.size() > kMaxGroups) {
        return fmt::format("{} groups, more than {}", groups.size(), kMaxGroups);
    }
    return {};
}

void add_event_rates(const Rates& section) {
    using R = RatesSection;
    add_rate(section, "event_connection", &R::event_connection,
             "EVENT messages of one connection.");
    add_rate(section, "event_ip", &R::event_ip,
             "EVENT messages from one IPv4 address or one IPv6 /64, all connections together.");
    add_rate(section, "event_network", &R::event_network,
             "EVENT messages from one IPv6 /48, which one customer may hold whole.");
    add_rate(
        section, "event_pubkey", &R::event_pubkey,
        "New events of one pubkey, wherever they come from. Kinds that are signed by throwaway "
        "keys (445, 1059, 21059) are not counted.");
    section.custom<std::vector<std::string>>(
        "kind_groups", ValueType::list,
        "a list of groups such as \"likes: kinds=7,1000-1999 per_second=20 burst=200\", each kind "
        "in one of them",
        "Rates for groups of kinds, for each pubkey; for each address where the keys are "
        "throwaway. Example: [\"likes: kinds=7,1000-1999 per_second=20 burst=200\"].",
        [](const RatesSection& rates) { return rates.kind_group_lines; },
        [](RatesSection& rates, const std::vector<std::string>& lines) {
            std::vector<policy::KindGroup> groups;
            std::string wrong = parse_groups(lines, groups);
            if (!wrong.empty()) return wrong;
            rates.kind_group_lines = lines;
            rates.kind_groups = std::move(groups);
            return std::string();
        });
}

void add_other_rates(const Rates& section) {
    using R = RatesSection;
    add_rate(section, "req_connection", &R::req_connection, "REQ messages of one connection.");
    add_rate(section, "req_ip", &R::req_ip, "REQ messages from one IPv4 address or one IPv6 /64.");
    add_rate(section, "count_connection", &R::count_connection,
             "COUNT messages of one connection.");
    add_rate(section, "count_ip", &R::count_ip,
             "COUNT messages from one IPv4 address or one IPv6 /64.");
    add_rate(section, "auth_connection", &R::auth_connection, "AUTH messages of one connection.");
    add_rate(section, "auth_ip", &R::auth_ip,
             "AUTH messages from one IPv4 address or one IPv6 /64.");
    add_rate(section, "bytes_connection", &R::bytes_connection,
             "Bytes of messages received on one connection. A client that sends faster is not "
             "refused, but read more slowly.");
    add_rate(section, "bytes_ip", &R::bytes_ip,
             "Bytes of messages received from one IPv4 address or one IPv6 /64, in the same way.");
}

}  // namespace

void add_rates_keys(std::vector<ConfigKey>& keys) {
    using R = RatesSection;
    const Rates section("rates", &Config::rates, keys);
    add_event_rates(section);
    add_other_rates(section);
    section.integer("queries_per_connection", &R::queries_per_connection, {1, 1000, "queries"},
                    "Stored queries of one connection that run at one time. Further ones wait for "
                    "their turn.");
    section.integer("response_bytes", &R::response_bytes, {kMiB, 1024 * kMiB, "bytes"},
                    "No further stored query of a connection starts while what it has not taken "
                    "yet, and what its running queries may add, is more. At most "
                    "limits.unsent_bytes.");
    section.integer(
        "max_query_cost", &R::max_query_cost, {0, 1'000'000'000, "units"},
        "A REQ or COUNT that would cost more is refused before it runs. A unit is about "
        "one index entry read. 0 is no bound.");
}

}  // namespace parrhesia::app
