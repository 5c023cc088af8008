// Opening a listening socket, with an error an operator can act on.
#pragma once

#include "parrhesia/base/error.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace parrhesia::base {

// `key` is the setting that has the address (relay.bind), `keys` what to change (relay.bind and
// relay.port), for the error.
// Errors: std::runtime_error.
inline boost::asio::ip::tcp::acceptor bind_acceptor(boost::asio::io_context& context,
                                                    const std::string& bind, std::uint16_t port,
                                                    const std::string& key,
                                                    const std::string& keys) {
    using boost::asio::ip::tcp;
    error_code error;
    const auto address = boost::asio::ip::make_address(bind, error);
    if (error) {
        throw std::runtime_error(
            fmt::format("{} = \"{}\" is not an IPv4 or IPv6 address", key, bind));
    }
    tcp::acceptor acceptor(context);
    const tcp::endpoint endpoint(address, port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
    if (error) {
        throw std::runtime_error(
            fmt::format("cannot listen on {} port {}: {}; set {} to an address of this machine "
                        "and a free port",
                        bind, port, error.message(), keys));
    }
    return acceptor;
}

}  // namespace parrhesia::base
