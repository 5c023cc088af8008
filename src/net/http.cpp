#include "net/http.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>

#include <algorithm>
#include <utility>

namespace parrhesia::net {
namespace http = boost::beast::http;

std::string_view path_of(const HttpRequest& request) noexcept {
    const std::string_view target(request.target().data(), request.target().size());
    return target.substr(0, target.find('?'));
}

HttpResponse make_response(const HttpRequest& request, unsigned status,
                           std::string_view content_type, std::string body) {
    HttpResponse response;
    response.version(request.version());
    response.result(status);
    response.keep_alive(request.keep_alive());
    response.set(http::field::server, "parrhesia");
    if (!content_type.empty()) {
        response.set(http::field::content_type, {content_type.data(), content_type.size()});
    }
    response.body() = std::move(body);
    response.prepare_payload();
    // HEAD gets the length that GET would have, and no body.
    if (request.method() == http::verb::head) response.body().clear();
    return response;
}

namespace {

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

// "; q=0" says that the type is not wanted (RFC 9110, 12.4.2). `parameters` follow a semicolon.
bool is_refused(std::string_view parameters) noexcept {
    while (!parameters.empty()) {
        const std::size_t semicolon = parameters.find(';');
        const std::string_view one = trimmed(parameters.substr(0, semicolon));
        parameters = semicolon == std::string_view::npos ? std::string_view{}
                                                         : parameters.substr(semicolon + 1);
        if (one.size() < 3 || !equal_ignoring_case(one.substr(0, 2), "q=")) continue;
        return one.substr(2).find_first_not_of("0.") == std::string_view::npos;
    }
    return false;
}

}  // namespace

bool accepts_relay_information(std::string_view accept) noexcept {
    while (!accept.empty()) {
        const std::size_t comma = accept.find(',');
        const std::string_view item = accept.substr(0, comma);
        accept = comma == std::string_view::npos ? std::string_view{} : accept.substr(comma + 1);
        const std::size_t semicolon = std::min(item.find(';'), item.size());
        if (!equal_ignoring_case(trimmed(item.substr(0, semicolon)), "application/nostr+json")) {
            continue;
        }
        return semicolon == item.size() || !is_refused(item.substr(semicolon + 1));
    }
    return false;
}

namespace {

// A list may come in several lines (RFC 9110, 5.3).
bool wants_relay_information(const HttpRequest& request) {
    const auto [first, last] = request.equal_range(http::field::accept);
    return std::any_of(first, last, [](const auto& line) {
        return accepts_relay_information({line.value().data(), line.value().size()});
    });
}

}  // namespace

HttpResponse answer(const HttpRequest& request, const Site& site) {
    constexpr std::string_view kPlain = "text/plain; charset=utf-8";
    if (path_of(request) != "/") {
        return make_response(request, 404, kPlain, "This relay has one address: /\n");
    }
    HttpResponse response;
    if (request.method() == http::verb::options) {
        response = make_response(request, 204, "", "");
        response.erase(http::field::content_length);  // RFC 9110, 8.6
        response.set(http::field::access_control_max_age, "86400");
    } else if (request.method() != http::verb::get && request.method() != http::verb::head) {
        response = make_response(request, 405, kPlain, "Use GET, or connect by websocket.\n");
        response.set(http::field::allow, "GET, HEAD, OPTIONS");
    } else if (wants_relay_information(request)) {
        response = make_response(request, 200, "application/nostr+json", site.information_json);
    } else {
        response = make_response(request, 200, "text/html; charset=utf-8", site.landing_page);
    }
    // One address, two documents: a cache must tell them apart.
    response.set(http::field::vary, "Accept");
    // All three are a MUST of NIP-11.
    response.set(http::field::access_control_allow_origin, "*");
    response.set(http::field::access_control_allow_headers, "Accept, Authorization, Content-Type");
    response.set(http::field::access_control_allow_methods, "GET, HEAD, POST, OPTIONS");
    return response;
}

}  // namespace parrhesia::net
