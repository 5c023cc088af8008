#include "app/admin_client.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>

#include <exception>
#include <utility>

namespace parrhesia::app {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

// A status of 32 peers is some 20 KiB.
constexpr std::uint64_t kMaxBody = std::uint64_t{16} << 20;

asio::awaitable<AdminReply> ask(std::string host, std::uint16_t port, std::string path,
                                std::chrono::milliseconds limit) {
    tcp::resolver resolver(co_await asio::this_coro::executor);
    const std::string service = std::to_string(port);
    const auto endpoints = co_await resolver.async_resolve(host, service, asio::use_awaitable);
    beast::tcp_stream stream(co_await asio::this_coro::executor);
    stream.expires_after(limit);
    co_await stream.async_connect(endpoints, asio::use_awaitable);

    http::request<http::empty_body> request(http::verb::get, path, 11);
    request.set(http::field::host, host);
    request.set(http::field::connection, "close");
    co_await http::async_write(stream, request, asio::use_awaitable);

    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMaxBody);
    co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
    co_return AdminReply{parser.get().result_int(), std::move(parser.get().body())};
}

}  // namespace

AdminReply ask_admin(const std::string& host, std::uint16_t port, const std::string& path,
                     std::chrono::milliseconds limit) {
    asio::io_context context(1);
    AdminReply reply;
    std::exception_ptr failed;
    asio::co_spawn(context, ask(host, port, path, limit),
                   [&](std::exception_ptr error, AdminReply answer) {
                       failed = std::move(error);
                       reply = std::move(answer);
                   });
    context.run();
    try {
        if (failed) std::rethrow_exception(failed);
        return reply;
    } catch (const boost::system::system_error& error) {
        throw std::runtime_error(fmt::format(
            "no answer from the admin listener at {}:{}: {}. Does the relay run, and is that its "
            "address (admin.bind and admin.port; --admin HOST:PORT names another one)?",
            host, port, error.code().message()));
    }
}

}  // namespace parrhesia::app
