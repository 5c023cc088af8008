// Opening a listening socket, with an error an operator can act on.
#pragma once

#include "net/asio.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace parrhesia::net {

// `section` is the configuration's ([relay], [admin]), for the error.
// Errors: std::runtime_error.
inline tcp::acceptor bind_acceptor(asio::io_context& context, const std::string& bind,
                                   std::uint16_t port, const char* section) {
    error_code error;
    const auto address = asio::ip::make_address(bind, error);
    if (error) {
        throw std::runtime_error(
            fmt::format("{}.bind = \"{}\" is not an IPv4 or IPv6 address", section, bind));
    }
    tcp::acceptor acceptor(context);
    const tcp::endpoint endpoint(address, port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
        throw std::runtime_error(
            fmt::format("cannot listen on {} port {}: {}; set {}.bind and {}.port to an address of "
                        "this machine "
                        "and a free port",
                        bind, port, error.message(), section, section));
    }
    return acceptor;
}

}  // namespace parrhesia::net
