#include "parrhesia/net/admin_server.hpp"

#include "parrhesia/base/bind.hpp"
#include "parrhesia/base/log.hpp"

#include "net/asio.hpp"
#include "net/http.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <pthread.h>

#include <chrono>
#include <thread>
#include <utility>

namespace parrhesia::net {
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr std::chrono::seconds kRequestTimeout{10};
constexpr std::size_t kMaxConnections = 64;

HttpResponse answer_admin(const HttpRequest& request, const AdminRoutes& routes) {
    constexpr std::string_view kPlain = "text/plain; charset=utf-8";
    const auto route = routes.find(path_of(request));
    if (route == routes.end()) {
        std::string known = "not found; try one of:\n";
        for (const auto& [path, handler] : routes) known += path + "\n";
        return make_response(request, 404, kPlain, std::move(known));
    }
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
        return make_response(request, 405, kPlain, "use GET\n");
    }
    AdminAnswer given = route->second();
    return make_response(request, given.status, given.content_type, std::move(given.body));
}

}  // namespace

struct AdminServer::Impl {
    Impl(const std::string& bind, std::uint16_t port, AdminRoutes the_routes)
        : routes(std::move(the_routes)),
          acceptor(base::bind_acceptor(context, bind, port, "admin.bind",
                                       "admin.bind and admin.port")) {}

    asio::awaitable<void> accept_loop() {
        for (;;) {
            auto [error, socket] = co_await acceptor.async_accept(kNoThrow);
            if (error == asio::error::operation_aborted) co_return;
            if (error) {
                asio::steady_timer pause(context, std::chrono::milliseconds(100));
                co_await pause.async_wait(kNoThrow);
                continue;
            }
            if (open_connections >= kMaxConnections) continue;  // closes it
            asio::co_spawn(context, serve(beast::tcp_stream(std::move(socket))), asio::detached);
        }
    }

    asio::awaitable<void> serve(beast::tcp_stream stream) {
        struct Count {
            std::size_t& open;
            explicit Count(std::size_t& counter) : open(counter) { ++open; }
            ~Count() { --open; }
        } const count{open_connections};
        beast::flat_buffer buffer;
        for (;;) {
            stream.expires_after(kRequestTimeout);
            HttpRequest request;
            const auto [read_error, read] =
                co_await http::async_read(stream, buffer, request, kNoThrow);
            if (read_error) co_return;
            HttpResponse response = answer_admin(request, routes);
            const auto [write_error, written] =
                co_await http::async_write(stream, response, kNoThrow);
            if (write_error || !response.keep_alive()) co_return;
        }
    }

    const AdminRoutes routes;
    asio::io_context context{1};
    tcp::acceptor acceptor;
    std::size_t open_connections = 0;
    std::thread thread;
};

AdminServer::AdminServer(const std::string& bind, std::uint16_t port, AdminRoutes routes)
    : impl_(std::make_unique<Impl>(bind, port, std::move(routes))) {
    asio::co_spawn(impl_->context, impl_->accept_loop(), asio::detached);
    impl_->thread = std::thread([this] {
        pthread_setname_np(pthread_self(), "admin");
        for (;;) {
            try {
                impl_->context.run();
                return;
            } catch (const std::exception& unexpected) {
                base::log::error("admin: a request failed: {}", unexpected.what());
            }
        }
    });
}

AdminServer::~AdminServer() {
    impl_->context.stop();
    impl_->thread.join();
}

std::uint16_t AdminServer::port() const noexcept { return impl_->acceptor.local_endpoint().port(); }

}  // namespace parrhesia::net
