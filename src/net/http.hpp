// What the relay answers over plain HTTP. Values in, values out: no sockets.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <string>
#include <string_view>

namespace parrhesia::net {

using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;
using HttpResponse = boost::beast::http::response<boost::beast::http::string_body>;

// The path of a request's target, without its query.
[[nodiscard]] std::string_view path_of(const HttpRequest& request) noexcept;

// A response to `request` with the fields every response has.
[[nodiscard]] HttpResponse make_response(const HttpRequest& request, unsigned status,
                                         std::string_view content_type, std::string body);

// What the clients' listener shows.
struct Site {
    std::string information_json;  // NIP-11
    std::string landing_page;      // HTML
};

// True when the `Accept` list names application/nostr+json, and not to refuse it (q=0).
[[nodiscard]] bool accepts_relay_information(std::string_view accept) noexcept;

// Answers everything that is not a websocket upgrade at `/`. One endpoint (NIP-01): other paths are
// 404.
[[nodiscard]] HttpResponse answer(const HttpRequest& request, const Site& site);

}  // namespace parrhesia::net
