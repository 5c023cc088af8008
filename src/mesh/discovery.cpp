#include "parrhesia/mesh/discovery.hpp"

#include "parrhesia/protocol/peer_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

namespace parrhesia::mesh {
namespace {

constexpr std::size_t kMaxName = 253;  // RFC 1035
constexpr std::size_t kMaxLabel = 63;

base::Refusal refusal(std::string text) { return {base::Errc::malformed_message, std::move(text)}; }

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// '_' is in the names of services, and of containers.
bool is_in_label(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

// A name whose last label is a number would be an address with a mistake in it.
bool is_name(std::string_view text) noexcept {
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.empty() || text.size() > kMaxName) return false;
    for (;;) {
        const std::size_t dot = text.find('.');
        const std::string_view label = text.substr(0, dot);
        if (label.empty() || label.size() > kMaxLabel || label.front() == '-' ||
            label.back() == '-' || !std::all_of(label.begin(), label.end(), is_in_label)) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return !std::all_of(label.begin(), label.end(), is_digit);
        }
        text.remove_prefix(dot + 1);
    }
}

// DNS knows no case.
std::string lower(std::string_view name) {
    std::string result(name);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return result;
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return port;
}

// The host of "[fd00::6]:7447" or "relay:7447", in the form that HostPort has.
std::optional<std::string> parse_host(std::string_view text) {
    const bool has_brackets = text.starts_with('[') && text.ends_with(']');
    if (has_brackets) text = text.substr(1, text.size() - 2);
    if (text.find('%') != std::string_view::npos) return std::nullopt;  // a zone of this machine
    if (const auto address = base::parse_ip(text)) {
        if (has_brackets != (text.find(':') != std::string_view::npos)) return std::nullopt;
        return address->to_string();
    }
    if (has_brackets || !is_name(text)) return std::nullopt;
    return lower(text);
}

}  // namespace

base::Checked<HostPort> parse_host_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon != std::string_view::npos && text.size() <= protocol::kMaxPeerAddress) {
        auto host = parse_host(text.substr(0, colon));
        const auto port = parse_port(text.substr(colon + 1));
        if (host && port) return HostPort{std::move(*host), *port};
    }
    return refusal(fmt::format(
        "\"{}\" is no address with a port: write \"10.0.0.6:7447\", \"[fd00::6]:7447\" or "
        "\"relay-2.internal:7447\"",
        text));
}

std::string to_text(const HostPort& target) {
    const bool is_v6 = target.host.find(':') != std::string::npos;
    return is_v6 ? fmt::format("[{}]:{}", target.host, target.port)
                 : fmt::format("{}:{}", target.host, target.port);
}

base::Checked<DiscoverySource> parse_discovery(std::string_view text) {
    using Kind = DiscoverySource::Kind;
    DiscoverySource source;
    source.text = text;
    if (text == "postgres") {
        source.kind = Kind::postgres;
        return source;
    }
    const std::size_t colon = text.find(':');
    const std::string_view kind = text.substr(0, colon);
    const std::string_view rest =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    if (kind == "srv") {
        if (!is_name(rest)) {
            return refusal(
                fmt::format("\"{}\" names no service: write \"srv:_mesh._tcp.relay.internal\", "
                            "without a port, which comes from DNS",
                            text));
        }
        source.kind = Kind::srv;
        source.target.host = lower(rest);
        return source;
    }
    if (kind != "static" && kind != "dns") {
        return refusal(fmt::format(
            "\"{}\" is no source of peers: write \"static:10.0.0.6:7447\", "
            "\"dns:relay.internal:7447\", \"srv:_mesh._tcp.relay.internal\" or \"postgres\"",
            text));
    }
    auto target = parse_host_port(rest);
    if (!target) {
        return refusal(fmt::format("\"{}\": {}", text, target.error().text));
    }
    if (target->port == 0) {
        return refusal(
            fmt::format("\"{}\": nobody is reached on port 0: write the port of "
                        "cluster.listen there",
                        text));
    }
    source.kind = kind == "dns" ? Kind::dns : Kind::fixed;
    source.target = std::move(*target);
    if (source.kind == Kind::dns && base::parse_ip(source.target.host)) {
        return refusal(fmt::format(
            "\"{}\" is an address, which DNS is not asked for: write \"static:{}\"", text, rest));
    }
    return source;
}

bool is_private_or_loopback(const base::IpAddress& address) {
    static const base::NetworkList networks = [] {
        base::NetworkList list;
        for (const char* network : {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                                    "169.254.0.0/16", "::1", "fc00::/7", "fe80::/10"}) {
            static_cast<void>(list.add(network));
        }
        return list;
    }();
    return networks.contains(address);
}

}  // namespace parrhesia::mesh
