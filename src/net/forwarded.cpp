#include "net/forwarded.hpp"

#include <algorithm>
#include <vector>

namespace parrhesia::net {
namespace {

using Address = std::optional<base::IpAddress>;

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

bool is_port(std::string_view text) noexcept {
    if (text.empty() || text.size() > 5) return false;
    unsigned value = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9') return false;
        value = value * 10 + static_cast<unsigned>(digit - '0');
    }
    return value <= 65535;
}

// Without zones, names and binary zeros, which the system's own parser may let pass.
Address plain_ip(std::string_view text) {
    constexpr std::size_t kLongest = 45;
    if (text.size() > kLongest) return std::nullopt;
    if (text.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
        return std::nullopt;
    }
    return base::parse_ip(text);
}

// "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80", and "2001:db8::1" if allowed.
Address parse_hop(std::string_view text, bool allow_bare_v6) {
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view rest = text.substr(end + 1);
        if (!rest.empty() && !(rest.front() == ':' && is_port(rest.substr(1)))) {
            return std::nullopt;
        }
        const std::string_view inside = text.substr(1, end - 1);
        return inside.find(':') == std::string_view::npos ? std::nullopt : plain_ip(inside);
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return plain_ip(text);
    if (text.find(':', colon + 1) != std::string_view::npos) {
        return allow_bare_v6 ? plain_ip(text) : std::nullopt;
    }
    return is_port(text.substr(colon + 1)) ? plain_ip(text.substr(0, colon)) : std::nullopt;
}

// Cuts `text` at each `separator` outside of quotes. False when a quote does not end.
bool split(std::string_view text, char separator, std::vector<std::string_view>& parts) {
    bool quoted = false;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (quoted && text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && text[i] == separator) {
            parts.push_back(trimmed(text.substr(begin, i - begin)));
            begin = i + 1;
        }
    }
    parts.push_back(trimmed(text.substr(begin)));
    return !quoted;
}

bool is_for(std::string_view name) noexcept {
    return name.size() == 3 && (name[0] | 0x20) == 'f' && (name[1] | 0x20) == 'o' &&
           (name[2] | 0x20) == 'r';
}

// The `for` of one element of Forwarded (RFC 7239).
Address parse_element(std::string_view element) {
    std::vector<std::string_view> pairs;
    if (!split(element, ';', pairs)) return std::nullopt;
    std::optional<std::string_view> value;
    for (const std::string_view pair : pairs) {
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos || !is_for(pair.substr(0, equals))) continue;
        if (value) return std::nullopt;  // twice
        value = pair.substr(equals + 1);
    }
    if (!value) return std::nullopt;
    if (value->size() >= 2 && value->front() == '"' && value->back() == '"') {
        value = value->substr(1, value->size() - 2);
    }
    return parse_hop(*value, /*allow_bare_v6=*/false);
}

}  // namespace

std::string_view name_of(ForwardedHeader header) noexcept {
    switch (header) {
        case ForwardedHeader::none:
            return "";
        case ForwardedHeader::x_forwarded_for:
            return "X-Forwarded-For";
        case ForwardedHeader::forwarded:
            return "Forwarded";
        case ForwardedHeader::x_real_ip:
            return "X-Real-IP";
    }
    return "";
}

Address forwarded_client(ForwardedHeader header, std::string_view value,
                         const base::NetworkList& trusted) {
    if (header == ForwardedHeader::none) return std::nullopt;
    if (header == ForwardedHeader::x_real_ip) return parse_hop(trimmed(value), true);

    const bool is_rfc7239 = header == ForwardedHeader::forwarded;
    std::vector<std::string_view> hops;
    if (is_rfc7239) {
        if (!split(value, ',', hops)) return std::nullopt;
    } else {
        std::string_view rest = value;
        for (;;) {
            const std::size_t comma = rest.find(',');
            hops.push_back(trimmed(rest.substr(0, comma)));
            if (comma == std::string_view::npos) break;
            rest.remove_prefix(comma + 1);
        }
    }
    Address client;
    for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
        if (hop->empty()) continue;  // RFC 9110, 5.6.1
        client = is_rfc7239 ? parse_element(*hop) : parse_hop(*hop, true);
        if (!client || !trusted.contains(*client)) return client;
    }
    return client;
}

}  // namespace parrhesia::net
