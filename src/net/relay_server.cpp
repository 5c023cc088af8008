#include "parrhesia/net/relay_server.hpp"

#include "parrhesia/base/bind.hpp"
#include "parrhesia/base/log.hpp"

#include "net/io_thread.hpp"
#include "net/session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstdint>
#include <future>
#include <thread>
#include <utility>

namespace parrhesia::net {
namespace {

base::IpAddress address_of(const tcp::endpoint& endpoint) {
    return base::parse_ip(endpoint.address().to_string()).value_or(base::IpAddress{});
}

// Said without reading the request: a flood of connects costs a system call each.
void refuse(tcp::socket socket) {
    constexpr std::string_view kAnswer =
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 21\r\n"
        "Retry-After: 60\r\n\r\ntoo many connections\n";
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(kAnswer), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace

struct RelayServer::Impl {
    Impl(IoThreads& the_threads, pipeline::Relay& relay, base::MetricsRegistry& metrics,
         RelayServerOptions options)
        : threads(the_threads),
          acceptor(base::bind_acceptor(threads.at(0).context(), options.bind, options.port,
                                       "relay.bind", "relay.bind and relay.port")),
          context{relay,
                  options,
                  {options.information_json, options.landing_page},
                  {options.max_connections, options.max_connections_per_ip, options.exempt},
                  NetMetrics(metrics),
                  {options.bytes_connection, options.bytes_ip},
                  acceptor.local_endpoint().port()} {}

    asio::awaitable<void> accept_loop();
    void admit(IoThread& thread, tcp::socket socket);
    // Runs `what` for each session on its io thread, and waits until all have run.
    template <class What>
    void for_each_session(What what);
    [[nodiscard]] bool wait_until_empty(base::SteadyTime deadline) const;

    IoThreads& threads;
    tcp::acceptor acceptor;  // belongs to io thread 0
    SessionContext context;
    std::size_t next_thread = 0;
};

asio::awaitable<void> RelayServer::Impl::accept_loop() {
    for (;;) {
        IoThread& thread = threads.at(next_thread++ % threads.size());
        auto [error, socket] = co_await acceptor.async_accept(thread.context(), kNoThrow);
        if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
        if (error) {
            // Out of file descriptors, as a rule: the pending connection stays queued in the
            // kernel.
            context.metrics.refused_descriptors.add();
            base::log::debug("accept: {}", error.message());
            asio::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(100));
            co_await pause.async_wait(kNoThrow);
            continue;
        }
        try {
            admit(thread, std::move(socket));
        } catch (const std::exception& unexpected) {  // out of memory: the next one may find some
            base::log::error("accept: {}", unexpected.what());
        }
    }
}

void RelayServer::Impl::admit(IoThread& thread, tcp::socket socket) {
    error_code error;
    const tcp::endpoint peer = socket.remote_endpoint(error);
    if (error) return;  // gone already
    const base::IpAddress address = address_of(peer);
    const bool is_named = !speaks_for_others(context.options, address);
    switch (is_named ? context.gate.enter(address) : context.gate.enter_unnamed()) {
        case ConnectionGate::Verdict::too_many:
            context.metrics.refused_total.add();
            refuse(std::move(socket));
            return;
        case ConnectionGate::Verdict::too_many_of_address:
            context.metrics.refused_per_ip.add();
            refuse(std::move(socket));
            return;
        case ConnectionGate::Verdict::enter:
            break;
    }
    context.metrics.accepted.add();
    ClientAddress client(context.gate, context.options, context.metrics, address);
    auto session = std::make_shared<Session>(thread, context, std::move(socket), std::move(client));
    thread.post([session = std::move(session)] { session->start(); });
}

template <class What>
void RelayServer::Impl::for_each_session(What what) {
    for (std::size_t index = 0; index < threads.size(); ++index) {
        IoThread& thread = threads.at(index);
        std::promise<void> done;
        thread.post([&thread, &what, &done] {
            for (const auto& session : thread.sessions()) what(*session);
            done.set_value();
        });
        done.get_future().wait();
    }
}

bool RelayServer::Impl::wait_until_empty(base::SteadyTime deadline) const {
    while (context.open_sessions != 0) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

RelayServer::RelayServer(IoThreads& threads, pipeline::Relay& relay, base::MetricsRegistry& metrics,
                         RelayServerOptions options)
    : impl_(std::make_unique<Impl>(threads, relay, metrics, std::move(options))) {}

RelayServer::~RelayServer() = default;

std::size_t RelayServer::connections() const noexcept {
    return static_cast<std::size_t>(
        std::max<std::int64_t>(impl_->context.metrics.connections.value(), 0));
}

std::uint16_t RelayServer::port() const noexcept { return impl_->context.port; }

void RelayServer::start() {
    asio::co_spawn(impl_->threads.at(0).context(), impl_->accept_loop(), asio::detached);
}

void RelayServer::stop_accepting() {
    std::promise<void> done;
    impl_->threads.at(0).post([this, &done] {
        error_code ignored;
        impl_->acceptor.close(ignored);
        done.set_value();
    });
    done.get_future().wait();
}

void RelayServer::close_clients(std::chrono::milliseconds deadline) {
    const auto until = std::chrono::steady_clock::now() + deadline;
    impl_->for_each_session([](Session& session) {
        session.close(pipeline::CloseCode::going_away, "the relay is shutting down");
    });
    if (impl_->wait_until_empty(until)) return;
    impl_->for_each_session([](Session& session) { session.cut(); });
    static_cast<void>(impl_->wait_until_empty(base::SteadyTime::max()));
}

}  // namespace parrhesia::net
