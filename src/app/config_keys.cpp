#include "app/config_keys.hpp"

#include "app/config_keys_cluster.hpp"
#include "app/config_keys_postgres.hpp"
#include "app/config_keys_rates.hpp"
#include "app/key_builders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace parrhesia::app {
namespace {

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;

void add_relay_keys(std::vector<ConfigKey>& keys) {
    const Section section("relay", &Config::relay, keys);
    section.text("bind", &RelaySection::bind, Text::address,
                 "Address on which websocket clients are served. \"0.0.0.0\" is every IPv4 "
                 "address, \"::\" every address. Behind a reverse proxy, keep the default.");
    section.integer(
        "port", &RelaySection::port, {0, 65535, ""},
        "Port for websocket clients. 0 takes any free port, which the relay prints at its start.");
    section.integer("threads", &RelaySection::threads, {0, 256, "threads"},
                    "Threads that serve connections. 0 is one per core.");
    section.text(
        "public_url", &RelaySection::public_url, Text::websocket_url,
        "The address under which clients know this relay, such as "
        "\"wss://relay.example.com\"; shown on the landing page. Clients that authenticate "
        "(NIP-42) and requests to vanish (NIP-62) must name it; without it, only "
        "addresses of the loopback count, and requests to all relays.");
    section.boolean("compression", &RelaySection::compression,
                    "Offer permessage-deflate to clients. It saves traffic and costs CPU time and "
                    "memory for every connection that uses it.");
    section.boolean("mute_unheard", &RelaySection::mute_unheard,
                    "Answer an ephemeral event that no open subscription gets with OK false "
                    "\"mute: \" (NIP-01), so that its sender knows. Some clients take that for an "
                    "error.");
    section.integer("handshake_seconds", &RelaySection::handshake_seconds, {1, 600, "seconds"},
                    "A new connection must have completed its websocket handshake by then.");
    section.integer("frame_seconds", &RelaySection::frame_seconds, {1, 3600, "seconds"},
                    "A message, once begun, must have arrived completely by then.");
    section.integer("ping_seconds", &RelaySection::ping_seconds, {1, 3600, "seconds"},
                    "A client that has been silent this long is sent a ping. Must be less than "
                    "relay.idle_seconds.");
    section.integer("idle_seconds", &RelaySection::idle_seconds, {2, 86400, "seconds"},
                    "A connection on which nothing was heard for this long, not even a pong, is "
                    "closed.");
    section.integer("shutdown_seconds", &RelaySection::shutdown_seconds, {0, 600, "seconds"},
                    "After SIGTERM or SIGINT the relay says goodbye to its clients and has left "
                    "by then.");
    section.integer("max_connections", &RelaySection::max_connections,
                    {1, 1'000'000, "connections"},
                    "Connections at one time, all clients together. The process needs as many "
                    "file descriptors and a few more.");
    section.integer("max_connections_per_ip", &RelaySection::max_connections_per_ip,
                    {1, 1'000'000, "connections"},
                    "Connections at one time from one IPv4 address or one IPv6 /64. Networks in "
                    "limits.exempt are not counted.");
    section.networks("trusted_proxies", &RelaySection::trusted_proxies,
                     "Networks of the reverse proxies in front of the relay, such as "
                     "[\"127.0.0.1\", \"::1\"]. Only these are believed when they name another "
                     "address as the client's, by relay.forwarded_header or relay.proxy_protocol.");
    section.choice<net::ForwardedHeader>(
        "forwarded_header", &RelaySection::forwarded_header,
        {{"X-Forwarded-For", net::ForwardedHeader::x_forwarded_for},
         {"Forwarded", net::ForwardedHeader::forwarded},
         {"X-Real-IP", net::ForwardedHeader::x_real_ip},
         {"", net::ForwardedHeader::none}},
        "The HTTP header in which trusted proxies name the client: the right-most address that is "
        "no trusted proxy. An empty string is none. Name the one that your proxy sets, since it "
        "hands on the others as clients send them.");
    section.boolean(
        "proxy_protocol", &RelaySection::proxy_protocol,
        "Every connection of a trusted proxy begins with a header of the PROXY protocol, "
        "version 2; those without it are closed.");
}

void add_info_keys(std::vector<ConfigKey>& keys) {
    const Section section("info", &Config::info, keys);
    section.text("name", &InfoSection::name, Text::any, "Name of the relay.");
    section.text("description", &InfoSection::description, Text::any,
                 "What the relay is for, in plain text.");
    section.text("pubkey", &InfoSection::pubkey, Text::pubkey,
                 "Public key of the administrator, in hex (not npub).");
    section.text("contact", &InfoSection::contact, Text::any,
                 "How to reach the administrator: a URI such as \"mailto:admin@example.com\".");
    section.text("icon", &InfoSection::icon, Text::web_url, "Address of a square picture.");
    section.text("banner", &InfoSection::banner, Text::web_url, "Address of a wide picture.");
    section.text("terms_of_service", &InfoSection::terms_of_service, Text::web_url,
                 "Address of the terms of service.");
}

void add_admin_keys(std::vector<ConfigKey>& keys) {
    const Section section("admin", &Config::admin, keys);
    section.text("bind", &AdminSection::bind, Text::address,
                 "Address of the admin listener. Whoever reaches it reads the metrics: keep it "
                 "off public networks.");
    section.integer("port", &AdminSection::port, {0, 65535, ""},
                    "Port of the admin listener. 0 turns it off.");
}

void add_store_keys(std::vector<ConfigKey>& keys) {
    const Section section("store", &Config::store, keys);
    section.choice<std::string>(
        "engine", &StoreSection::engine, {{"lmdb", "lmdb"}, {"postgres", "postgres"}},
        "Kind of store. \"lmdb\" is embedded and needs nothing but a folder. \"postgres\" is a "
        "PostgreSQL database, version 15 or later, which several relays may share; [postgres] says "
        "which.");
    section.text("path", &StoreSection::path, Text::not_empty,
                 "Folder of the embedded store, made when missing. A relative path starts from "
                 "the folder in which the command runs. With \"postgres\", only relay.key is in "
                 "it.");
    section.integer("readers", &StoreSection::readers, {0, 64, "threads"},
                    "Threads that run stored queries. 0 is one per core.");
    section.integer(
        "max_batch_events", &StoreSection::max_batch_events, {1, 100'000, "events"},
        "At most this many events are stored in one transaction. The default suits "
        "\"lmdb\"; \"postgres\" takes at most 500 of them at a time, for the sake of its "
        "lock table.");
    section.integer("queue_bytes", &StoreSection::queue_bytes, {kMiB, 64 * kGiB, "bytes"},
                    "Memory for events that wait to be stored. When it is used up, further "
                    "events are refused with \"error: \".");
    section.integer("query_seconds", &StoreSection::query_seconds, {1, 3600, "seconds"},
                    "A stored query that has used this much reader time is ended with CLOSED. With "
                    "\"postgres\" it is the timeout of a statement, too.");
    section.integer("slice_ms", &StoreSection::slice_ms, {1, 1000, "milliseconds"},
                    "After this much reader time a stored query lets others have their turn.");
    section.integer(
        "disk_reserve_bytes", &StoreSection::disk_reserve_bytes, {0, 1024 * 1024 * kGiB, "bytes"},
        "While less than this is free on the store's disk, new events are refused. "
        "Deletions may use three quarters of it. 0 is no reserve. For \"lmdb\" only: the "
        "disk of a PostgreSQL server is not the relay's to watch.");
}

void add_event_limits(const Section<LimitsSection>& section) {
    using L = LimitsSection;
    section.integer("message_bytes", &L::message_bytes, {16 * kKiB, 16 * kMiB, "bytes"},
                    "Size of one websocket message. A client that sends more is disconnected.");
    section.integer("event_bytes", &L::event_bytes, {kKiB, 16 * kMiB, "bytes"},
                    "Size of one event as canonical JSON. Must be less than "
                    "limits.message_bytes.");
    section.integer("event_tags", &L::event_tags, {1, 100'000, "tags"},
                    "Tags of one event. Contact lists have thousands.");
    section.integer("tag_value_bytes", &L::tag_value_bytes, {64, 65535, "bytes"},
                    "Size of the first value of a single-letter tag (these can be asked for).");
    section.integer("content_characters", &L::content_characters, {1, 16 * kMiB, "characters"},
                    "Unicode characters in an event's content.");
    section.integer("created_at_future_seconds", &L::created_at_future_seconds,
                    {0, 315'360'000, "seconds"},
                    "Events dated further ahead of this machine's clock are refused.");
    section.integer("created_at_past_seconds", &L::created_at_past_seconds,
                    {0, 3'153'600'000, "seconds"},
                    "Events dated further back are refused. 0 is no bound.");
    section.integer("min_pow_difficulty", &L::min_pow_difficulty, {0, 256, "bits"},
                    "Leading zero bits that the id of an event must have (NIP-13). Requests to "
                    "vanish are taken without.");
    section.kinds("denied_kinds", &L::denied_kinds,
                  "Kinds that are not taken. Requests to vanish (62) always are.");
    section.integer("events_in_flight", &L::events_in_flight, {1, 65536, "events"},
                    "Events that one connection may have sent without an answer yet. Then it is "
                    "not read until answers are out.");
}

void add_query_limits(const Section<LimitsSection>& section) {
    using L = LimitsSection;
    section.integer("subscriptions", &L::subscriptions, {1, 10'000, "subscriptions"},
                    "Open subscriptions of one connection.");
    section.integer("subscription_id_characters", &L::subscription_id_characters,
                    {1, 64, "characters"}, "Length of a subscription id; NIP-01 allows 64.");
    section.integer("filters", &L::filters, {1, 10'000, "filters"}, "Filters in one REQ.");
    section.integer("filter_items", &L::filter_items, {1, 1'000'000, "values"},
                    "Values (ids, authors, kinds, tag values) in all filters of one REQ.");
    section.integer("connection_filter_items", &L::connection_filter_items,
                    {1, 10'000'000, "values"},
                    "Filters and values in all open subscriptions of one connection. At least "
                    "limits.filter_items.");
    section.integer("max_limit", &L::max_limit, {1, 1'000'000, "events"},
                    "A filter's higher \"limit\" is taken as this.");
    section.integer("default_limit", &L::default_limit, {1, 1'000'000, "events"},
                    "Taken for a filter without \"limit\". At most limits.max_limit.");
    section.integer("count_events", &L::count_events, {1, 100'000'000, "events"},
                    "A COUNT (NIP-45) looks at no more than these, and is then answered with "
                    "\"approximate\": true.");
    section.integer("unsent_bytes", &L::unsent_bytes, {4 * kMiB, kGiB, "bytes"},
                    "Data waiting for one client to read it. A client that is slower is told "
                    "CLOSED and disconnected. At least limits.message_bytes.");
    section.networks("exempt", &L::exempt,
                     "Networks to which rate limits and the limit of connections per IP do not "
                     "apply, such as [\"10.0.0.0/8\", \"::1\"].");
}

void add_limits_keys(std::vector<ConfigKey>& keys) {
    const Section section("limits", &Config::limits, keys);
    add_event_limits(section);
    add_query_limits(section);
}

void add_auth_keys(std::vector<ConfigKey>& keys) {
    using A = AuthSection;
    using policy::Access;
    const std::vector<std::pair<std::string, Access>> access = {
        {"everyone", Access::everyone},
        {"authenticated", Access::authenticated},
        {"allowed", Access::allowed}};
    const Section section("auth", &Config::auth, keys);
    section.choice<Access>(
        "read", &A::read, access,
        "Who may ask for events. \"authenticated\" is whoever has proved to hold "
        "some key, \"allowed\" those of auth.allowed_pubkeys. Direct messages "
        "and gift wraps are served only to those they concern, whatever this "
        "says.");
    section.choice<Access>("write", &A::write, access,
                           "Who may publish. With \"allowed\" an event passes when its author, or "
                           "the client that sends it, is among auth.allowed_pubkeys. Requests to "
                           "vanish always pass.");
    section.kinds("write_kinds", &A::write_kinds,
                  "Kinds that are taken from authenticated clients only, such as [\"1059\"].");
    section.pubkeys("allowed_pubkeys", &A::allowed_pubkeys, "Whom \"allowed\" means.");
    section.pubkeys("denied_pubkeys", &A::denied_pubkeys,
                    "Whose events are refused, and who cannot authenticate.");
    section.boolean("challenge_at_connect", &A::challenge_at_connect,
                    "Send the challenge for AUTH to every client at once. Otherwise it comes with "
                    "the first answer that asks for it.");
    section.integer("max_pubkeys", &A::max_pubkeys, {1, 1000, "pubkeys"},
                    "Pubkeys that one connection may authenticate; all of them count.");
}

void add_marmot_keys(std::vector<ConfigKey>& keys) {
    using M = policy::MarmotRules;
    const Section section("marmot", &Config::marmot, keys);
    section.boolean("require_group_tag", &M::require_group_tag,
                    "A filter that names kind 445 (group messages) must say in #h which groups.");
    section.integer("max_group_values", &M::max_group_values, {1, 10'000, "groups"},
                    "Groups in #h of one such filter.");
    section.integer("max_window_seconds", &M::max_window_seconds, {0, 3'153'600'000, "seconds"},
                    "Time from since to until of such a filter. 0 is no bound.");
    section.integer("group_event_bytes", &M::group_event_bytes, {kKiB, 16 * kMiB, "bytes"},
                    "Size of a group message, kind 445, as canonical JSON.");
    section.integer("key_package_bytes", &M::key_package_bytes, {kKiB, 16 * kMiB, "bytes"},
                    "Size of a key package, kinds 443 and 30443.");
    section.integer("gift_wrap_bytes", &M::gift_wrap_bytes, {kKiB, 16 * kMiB, "bytes"},
                    "Size of a gift wrap, kind 1059. A welcome grows with its group: 128 KiB for "
                    "some 150 members.");
}

void add_retention_keys(std::vector<ConfigKey>& keys) {
    using R = RetentionSection;
    const Section section("retention", &Config::retention, keys);
    section.list(
        "rules", &R::rules,
        "a list of rules, as strings (\"kinds=445 days=30\", \"kinds=7,9735 "
        "per_author=1000\")",
        retention_rule_fault,
        "Which events are not kept. A rule names kinds (without: all), and an age (days or "
        "hours, by created_at) or the number of the newest that stay of one author and "
        "kind, or both. Deletions (5) and requests to vanish (62) always stay.");
    section.integer("interval_seconds", &R::interval_seconds, {1, 604'800, "seconds"},
                    "From the end of one pass over the store to the beginning of the next. A pass "
                    "works in steps of some milliseconds.");
}

void add_log_keys(std::vector<ConfigKey>& keys) {
    using base::log::Format;
    using base::log::Level;
    const Section section("log", &Config::log, keys);
    section.choice<Level>("level", &LogSection::level,
                          {{"trace", Level::trace},
                           {"debug", Level::debug},
                           {"info", Level::info},
                           {"warn", Level::warn},
                           {"error", Level::error},
                           {"off", Level::off}},
                          "What is logged, to standard error: this and all that is graver.");
    section.choice<Format>("format", &LogSection::format,
                           {{"text", Format::text}, {"json", Format::json}},
                           "A line of text for each message, or a JSON object.");
}

}  // namespace

std::string_view ConfigKey::section() const noexcept {
    return std::string_view(name).substr(0, name.find('.'));
}

std::string_view ConfigKey::short_name() const noexcept {
    return std::string_view(name).substr(name.find('.') + 1);
}

std::string ConfigKey::environment_name() const {
    std::string result = "PARRHESIA_";
    for (const char c : name) {
        const bool is_lower = c >= 'a' && c <= 'z';
        result += c == '.' ? '_' : is_lower ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return result;
}

ConfigValue ConfigKey::shown(ConfigValue value) const {
    return may_hold_password ? without_passwords(std::move(value)) : std::move(value);
}

const std::vector<ConfigKey>& config_keys() {
    static const std::vector<ConfigKey> keys = [] {
        std::vector<ConfigKey> made;
        add_relay_keys(made);
        add_info_keys(made);
        add_admin_keys(made);
        add_store_keys(made);
        add_postgres_keys(made);
        add_limits_keys(made);
        add_auth_keys(made);
        add_marmot_keys(made);
        add_retention_keys(made);
        add_rates_keys(made);
        add_cluster_keys(made);
        add_log_keys(made);
        return made;
    }();
    return keys;
}

const std::vector<ConfigSectionText>& config_sections() {
    static const std::vector<ConfigSectionText> sections = {
        {"relay", "The listener for Nostr clients and its connections."},
        {"info", "What the relay says about itself (NIP-11). Empty values are left out."},
        {"admin", "The listener for /health, /ready and /metrics."},
        {"store", "Where events are kept, and how the threads around it work."},
        {"postgres",
         "The database of store.engine = \"postgres\"; without that, none of this matters."},
        {"limits", "What one client may ask for. NIP-11 tells clients these numbers."},
        {"auth", "Who must be known to read and to write (NIP-42)."},
        {"marmot", "What MLS groups may store and ask (Marmot)."},
        {"retention", "How long events are kept."},
        {"rates",
         "How much one client may ask in a while. Each rate is that of a bucket: so many a second, "
         "and so many at once after a pause. Networks in limits.exempt are spared."},
        {"cluster",
         "The links to the other relays of a cluster, which tell each other what they accept. "
         "Without cluster.enabled, none of this matters."},
        {"log", "What is written to standard error."},
    };
    return sections;
}

const ConfigKey* find_config_key(std::string_view name) {
    const auto& keys = config_keys();
    const auto found = std::find_if(keys.begin(), keys.end(),
                                    [name](const ConfigKey& key) { return key.name == name; });
    return found == keys.end() ? nullptr : &*found;
}

}  // namespace parrhesia::app
