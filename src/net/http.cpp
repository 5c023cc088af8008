#include "net/http.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>

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

bool accepts_relay_information(std::string_view accept) noexcept {
    constexpr std::string_view kType = "application/nostr+json";
    while (!accept.empty()) {
        const std::size_t comma = accept.find(',');
        std::string_view item = accept.substr(0, comma);
        accept = comma == std::string_view::npos ? std::string_view{} : accept.substr(comma + 1);
        item = item.substr(0, item.find(';'));
        const std::size_t first = item.find_first_not_of(" \t");
        if (first == std::string_view::npos) continue;
        item = item.substr(first, item.find_last_not_of(" \t") + 1 - first);
        if (boost::beast::iequals({item.data(), item.size()}, {kType.data(), kType.size()}))
            return true;
    }
    return false;
}

HttpResponse answer(const HttpRequest& request, const Site& site) {
    constexpr std::string_view kPlain = "text/plain; charset=utf-8";
    if (path_of(request) != "/") {
        return make_response(request, 404, kPlain, "This relay has one address: /\n");
    }
    HttpResponse response;
    if (request.method() == http::verb::options) {
        response = make_response(request, 204, "", "");
        response.erase(http::field::content_length);  // RFC 9110, 8.6
    } else if (request.method() != http::verb::get && request.method() != http::verb::head) {
        response = make_response(request, 405, kPlain, "Use GET, or connect by websocket.\n");
        response.set(http::field::allow, "GET, HEAD, OPTIONS");
    } else if (accepts_relay_information(
                   {request[http::field::accept].data(), request[http::field::accept].size()})) {
        response = make_response(request, 200, "application/nostr+json", site.information_json);
    } else {
        response = make_response(request, 200, "text/html; charset=utf-8", site.landing_page);
    }
    // All three are a MUST of NIP-11.
    response.set(http::field::access_control_allow_origin, "*");
    response.set(http::field::access_control_allow_headers, "Accept, Authorization, Content-Type");
    response.set(http::field::access_control_allow_methods, "GET, HEAD, POST, OPTIONS");
    return response;
}

}  // namespace parrhesia::net
