#include "parrhesia/base/relay_url.hpp"

#include <algorithm>
#include <charconv>

namespace parrhesia::base {
namespace {

[[nodiscard]] std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

[[nodiscard]] bool is_host_character(char c) noexcept {
    return static_cast<unsigned char>(c) > ' ' &&
           std::string_view("/?#@\\").find(c) == std::string_view::npos;
}

// Where the host ends: at the colon of a port, if there is one.
[[nodiscard]] std::size_t end_of_host(std::string_view authority) noexcept {
    if (!authority.empty() && authority.front() == '[') {
        const std::size_t end = authority.find(']');
        return end == std::string_view::npos ? std::string_view::npos : end + 1;
    }
    return std::min(authority.find(':'), authority.size());
}

}  // namespace

std::optional<std::string> normalized_relay_url(std::string_view text) {
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string scheme = lower(text.substr(0, colon));
    if (scheme != "ws" && scheme != "wss") return std::nullopt;
    std::string_view rest = text.substr(colon + 3);
    rest = rest.substr(0, rest.find_first_of("?#"));

    const std::string_view authority = rest.substr(0, rest.find('/'));
    std::string_view path = rest.substr(authority.size());
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);

    const std::size_t host_end = end_of_host(authority);
    if (host_end == std::string_view::npos || host_end == 0) return std::nullopt;
    std::string host = lower(authority.substr(0, host_end));
    if (!std::all_of(host.begin(), host.end(), is_host_character)) return std::nullopt;
    if (host.size() > 1 && host.back() == '.') host.pop_back();  // the root of the DNS

    std::string result = scheme + "://" + host;
    if (std::string_view port = authority.substr(host_end); !port.empty()) {
        if (port.front() != ':') return std::nullopt;
        port.remove_prefix(1);
        unsigned number = 0;
        const char* const end = port.data() + port.size();
        const auto [stop, error] = std::from_chars(port.data(), end, number);
        const bool is_number = error == std::errc() && stop == end && number <= 65535;
        if (!port.empty() && !is_number) return std::nullopt;
        const unsigned standard = scheme == "wss" ? 443 : 80;
        if (!port.empty() && number != standard) result += ":" + std::to_string(number);
    }
    result += path;
    return result;
}

}  // namespace parrhesia::base
