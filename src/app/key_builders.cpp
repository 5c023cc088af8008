#include "app/key_builders.hpp"

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/network.hpp"
#include "parrhesia/event/kind_set.hpp"
#include "parrhesia/mesh/discovery.hpp"
#include "parrhesia/store/postgres_store.hpp"
#include "parrhesia/store/retention.hpp"

#include <algorithm>

namespace parrhesia::app {
namespace {

bool is_url(std::string_view text, std::string_view scheme) {
    const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
    return text.starts_with(scheme) && text.size() > scheme.size() &&
           std::none_of(text.begin(), text.end(), is_blank);
}

}  // namespace

std::string expected_text(Text form) {
    switch (form) {
        case Text::any:
            return "a string";
        case Text::not_empty:
            return "a string that is not empty";
        case Text::address:
            return "an IP address as a string";
        case Text::websocket_url:
            return "a ws:// or wss:// URL, or an empty string";
        case Text::web_url:
            return "an http:// or https:// URL, or an empty string";
        case Text::pubkey:
            return "64 lowercase hex digits, or an empty string";
    }
    return "a string";
}

bool is_valid_text(Text form, const std::string& text) {
    switch (form) {
        case Text::any:
            return true;
        case Text::not_empty:
            return !text.empty();
        case Text::address:
            return base::parse_ip(text).has_value();
        case Text::websocket_url:
            return text.empty() || is_url(text, "ws://") || is_url(text, "wss://");
        case Text::web_url:
            return text.empty() || is_url(text, "http://") || is_url(text, "https://");
        case Text::pubkey:
            return text.empty() || base::parse_hex<base::PubKey>(text).has_value();
    }
    return false;
}

std::string network_fault(const std::string& text) {
    if (base::NetworkList().add(text)) return {};
    return "which is no network or has bits set beyond its prefix";
}

std::string kind_fault(const std::string& text) {
    if (event::KindSet().add(text)) return {};
    return "which is neither a kind from 0 to 65535 nor a range of them";
}

std::string pubkey_fault(const std::string& text) {
    if (base::parse_hex<base::PubKey>(text)) return {};
    return "which is no public key of 64 lowercase hex digits (an npub is not taken)";
}

std::string retention_rule_fault(const std::string& text) {
    const auto rule = store::parse_retention_rule(text);
    return rule ? std::string() : "which is no rule: " + rule.error().text;
}

std::string discovery_fault(const std::string& text) {
    const auto source = mesh::parse_discovery(text);
    return source ? std::string() : "which cannot be used: " + source.error().text;
}

std::string connection_fault(const std::string& text) {
    const std::string problem = store::problem_of_connection(text);
    return problem.empty() ? std::string() : "that libpq cannot read: " + problem;
}

}  // namespace parrhesia::app
