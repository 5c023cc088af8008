#include "mesh/tcp_transport.hpp"

#include "parrhesia/base/bind.hpp"
#include "parrhesia/base/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <netinet/tcp.h>

#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace parrhesia::mesh {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
// What the kernel may hold unsent: more would be more that no priority reaches.
constexpr int kUnsentBytes = 128 << 10;
constexpr std::chrono::milliseconds kAcceptPause{100};

base::SteadyTime now() { return std::chrono::steady_clock::now(); }

template <int Level, int Name>
using IntOption = asio::detail::socket_option::integer<Level, Name>;

// Errors are not: a link works without them, only less well.
void tune(tcp::socket& socket, std::chrono::milliseconds silence) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    socket.set_option(IntOption<IPPROTO_TCP, TCP_KEEPIDLE>(5), ignored);
    socket.set_option(IntOption<IPPROTO_TCP, TCP_KEEPINTVL>(2), ignored);
    socket.set_option(IntOption<IPPROTO_TCP, TCP_KEEPCNT>(3), ignored);
    socket.set_option(IntOption<IPPROTO_TCP, TCP_USER_TIMEOUT>(static_cast<int>(silence.count())),
                      ignored);
    socket.set_option(IntOption<IPPROTO_TCP, TCP_NOTSENT_LOWAT>(kUnsentBytes), ignored);
}

}  // namespace

// A socket, and TLS over it if the cluster has it.
class TcpTransport::Connection {
  public:
    Connection(tcp::socket socket, asio::ssl::context* tls) : socket_(std::move(socket)) {
        if (tls != nullptr) stream_.emplace(socket_, *tls);
    }

    [[nodiscard]] tcp::socket& socket() noexcept { return socket_; }

    asio::awaitable<Trouble> handshake(bool as_client) {
        Trouble trouble;
        if (!stream_) co_return trouble;
        const auto side =
            as_client ? asio::ssl::stream_base::client : asio::ssl::stream_base::server;
        const auto [error] = co_await stream_->async_handshake(side, kNoThrow);
        if (error) trouble.text = "TLS: " + error.message();
        trouble.tls = error.category() == asio::error::get_ssl_category();
        co_return trouble;
    }
    asio::awaitable<std::pair<error_code, std::size_t>> read(std::span<std::uint8_t> into) {
        const auto buffer = asio::buffer(into.data(), into.size());
        if (stream_) {
            const auto [error, size] = co_await stream_->async_read_some(buffer, kNoThrow);
            co_return std::pair(error, size);
        }
        const auto [error, size] = co_await socket_.async_read_some(buffer, kNoThrow);
        co_return std::pair(error, size);
    }
    asio::awaitable<error_code> write(std::string_view bytes) {
        const auto buffer = asio::buffer(bytes.data(), bytes.size());
        if (stream_) {
            const auto [error, size] = co_await asio::async_write(*stream_, buffer, kNoThrow);
            co_return error;
        }
        const auto [error, size] = co_await asio::async_write(socket_, buffer, kNoThrow);
        co_return error;
    }
    [[nodiscard]] Channel channel(Tls mode) {
        return stream_ ? channel_of(stream_->native_handle(), mode) : Channel();
    }
    // The other side reads to the end of what was sent; its own last words may still come.
    void end_output() {
        error_code ignored;
        socket_.shutdown(tcp::socket::shutdown_send, ignored);
    }
    void close() {
        error_code ignored;
        socket_.close(ignored);
    }

    bool writing = false;  // or about to

  private:
    tcp::socket socket_;
    std::optional<asio::ssl::stream<tcp::socket&>> stream_;
};

namespace {

// Closes a connection that takes too long, unless it ends before.
template <class Connection>
class Deadline {
  public:
    Deadline(asio::io_context& context, std::shared_ptr<Connection> connection,
             std::chrono::milliseconds limit)
        : timer_(context, limit) {
        timer_.async_wait([connection = std::move(connection)](const error_code& error) {
            if (!error) connection->close();
        });
    }

  private:
    asio::steady_timer timer_;
};

}  // namespace

TcpTransport::TcpTransport(asio::io_context& context, TcpOptions options, const Keyring& keyring)
    : context_(context),
      options_(std::move(options)),
      tls_(options_.tls.mode == Tls::off ? nullptr : make_tls_context(options_.tls, keyring)),
      acceptor_(base::bind_acceptor(context, options_.host, options_.port, "cluster.listen",
                                    "cluster.listen")) {}

TcpTransport::~TcpTransport() = default;

std::uint16_t TcpTransport::port() const { return acceptor_.local_endpoint().port(); }

void TcpTransport::start(Node& node) {
    node_ = &node;
    asio::co_spawn(context_, accept_loop(), asio::detached);
}

void TcpTransport::stop_accepting() {
    error_code ignored;
    acceptor_.close(ignored);
}

bool TcpTransport::is_mine(std::uint64_t link, const ConnectionPtr& connection) const {
    const auto found = connections_.find(link);
    return found != connections_.end() && found->second == connection;
}

// ---- connections that others open ----

asio::awaitable<void> TcpTransport::accept_loop() {
    for (;;) {
        auto [error, socket] = co_await acceptor_.async_accept(kNoThrow);
        if (!acceptor_.is_open()) co_return;
        if (error) {  // out of descriptors: the others are not to suffer from a busy loop
            asio::steady_timer pause(context_, kAcceptPause);
            co_await pause.async_wait(kNoThrow);
            continue;
        }
        if (handshakes_ >= options_.max_handshakes) continue;  // closes it
        error_code unknown;
        const auto endpoint = socket.remote_endpoint(unknown);
        if (unknown) continue;
        const auto address = endpoint.address();
        std::string from = fmt::format(fmt::runtime(address.is_v6() ? "[{}]:{}" : "{}:{}"),
                                       address.to_string(), endpoint.port());
        tune(socket, options_.silence);
        auto connection = std::make_shared<Connection>(std::move(socket), tls_.get());
        ++handshakes_;
        asio::co_spawn(context_, serve(std::move(connection), std::move(from)), asio::detached);
    }
}

asio::awaitable<void> TcpTransport::serve(ConnectionPtr connection, std::string from) {
    Trouble trouble;
    {
        const Deadline deadline(context_, connection, options_.handshake);
        trouble = co_await connection->handshake(false);
    }
    --handshakes_;
    if (!trouble.text.empty()) {
        base::log::debug("mesh: a connection from {} came to nothing: {}", from, trouble.text);
        if (trouble.tls) node_->on_tls_refused(from, trouble.text);
        co_return;
    }
    const auto link = node_->on_accepted(from, connection->channel(options_.tls.mode), now());
    if (!link) co_return;
    connections_.emplace(*link, connection);
    co_await read_loop(*link, std::move(connection));
}

// ---- connections that we open ----

void TcpTransport::dial(std::uint64_t link, const std::string& address) {
    auto connection = std::make_shared<Connection>(tcp::socket(context_), tls_.get());
    connections_.emplace(link, connection);
    asio::co_spawn(context_, connect(link, std::move(connection), address), asio::detached);
}

asio::awaitable<void> TcpTransport::connect(std::uint64_t link, ConnectionPtr connection,
                                            std::string address) {
    const Trouble trouble = co_await open(connection, std::move(address));
    if (!is_mine(link, connection)) co_return;  // closed meanwhile
    if (!trouble.text.empty()) {
        connections_.erase(link);
        if (trouble.tls) {
            node_->on_tls_failed(link, trouble.text, now());
        } else {
            node_->on_dial_failed(link, trouble.text, now());
        }
        co_return;
    }
    node_->on_connected(link, connection->channel(options_.tls.mode), now());
    co_await read_loop(link, std::move(connection));
}

asio::awaitable<TcpTransport::Trouble> TcpTransport::open(ConnectionPtr connection,
                                                          std::string address) {
    const std::size_t colon = address.rfind(':');
    Trouble trouble;
    std::string host = address.substr(0, colon);
    const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    {
        tcp::resolver resolver(context_);
        const auto [unresolved, endpoints] = co_await resolver.async_resolve(host, port, kNoThrow);
        if (unresolved) {
            trouble.text = unresolved.message();
            co_return trouble;
        }
        const Deadline deadline(context_, connection, options_.dial);
        error_code error = asio::error::host_not_found;
        for (const auto& entry : endpoints) {
            connection->socket().close(error);
            const auto [refused] =
                co_await connection->socket().async_connect(entry.endpoint(), kNoThrow);
            error = refused;
            if (!error) break;
        }
        if (error) {
            trouble.text = error.message();
            co_return trouble;
        }
    }
    tune(connection->socket(), options_.silence);
    const Deadline deadline(context_, connection, options_.handshake);
    trouble = co_await connection->handshake(true);
    co_return trouble;
}

// ---- both ----

asio::awaitable<void> TcpTransport::read_loop(std::uint64_t link, ConnectionPtr connection) {
    std::vector<std::uint8_t> buffer(kReadBytes);
    for (;;) {
        const auto [error, size] = co_await connection->read(buffer);
        if (!is_mine(link, connection)) co_return;
        if (error) {
            connections_.erase(link);
            connection->close();
            const bool in_order =
                error == asio::error::eof || error == asio::ssl::error::stream_truncated;
            node_->on_closed(link, in_order ? "closed by the peer" : error.message(), now());
            co_return;
        }
        node_->on_bytes(link, std::span(buffer).first(size), now());
    }
}

void TcpTransport::wake(std::uint64_t link) {
    const auto found = connections_.find(link);
    if (found == connections_.end() || std::exchange(found->second->writing, true)) return;
    // Later, so that whatever is queued in this turn leaves together.
    asio::post(context_, [this, link, connection = found->second] {
        asio::co_spawn(context_, write_loop(link, connection), asio::detached);
    });
}

asio::awaitable<void> TcpTransport::write_loop(std::uint64_t link, ConnectionPtr connection) {
    std::string out;
    while (is_mine(link, connection)) {
        out.clear();
        node_->output(link, out, now());
        if (out.empty()) break;
        const error_code error = co_await connection->write(out);
        if (error) break;  // the read loop hears of it, too
    }
    connection->writing = false;
    if (is_mine(link, connection) && node_->is_done(link)) connection->end_output();
}

void TcpTransport::close(std::uint64_t link) {
    const auto found = connections_.find(link);
    if (found == connections_.end()) return;
    const ConnectionPtr connection = found->second;
    connections_.erase(found);
    connection->close();
}

}  // namespace parrhesia::mesh
