// Moves the bytes of a node's links over TCP, with or without TLS.
#pragma once

#include "mesh/asio.hpp"
#include "mesh/keyring.hpp"
#include "mesh/node.hpp"
#include "mesh/tls.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace parrhesia::mesh {

struct TcpOptions {
    std::string host = "127.0.0.1";  // to listen on
    std::uint16_t port = 7447;       // 0: any free one
    TlsOptions tls;
    std::chrono::milliseconds dial{2000};       // to be connected
    std::chrono::milliseconds handshake{5000};  // of TLS
    std::size_t max_handshakes = 32;            // of TLS, that others began
    std::chrono::milliseconds silence{6000};    // unacknowledged bytes, before TCP gives up
};

// Threading: the thread that runs `context`; the constructor and destructor while nothing runs.
// Lifetime:  `context` and keyring outlive it; nothing runs on `context` once it or the node is
// gone.
class TcpTransport final : public Transport {
  public:
    // Binds. Errors: std::runtime_error with the address, the reason and the remedy.
    TcpTransport(asio::io_context& context, TcpOptions options, const Keyring& keyring);
    ~TcpTransport() override;
    TcpTransport(const TcpTransport&) = delete;
    TcpTransport& operator=(const TcpTransport&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    // Accepts from now on, for this node.
    void start(Node& node);
    void stop_accepting();

    void dial(std::uint64_t link, const std::string& address) override;
    void wake(std::uint64_t link) override;
    void close(std::uint64_t link) override;

  private:
    class Connection;
    // Of a connection that is not there yet; empty: none.
    struct Trouble {
        std::string text;
        bool tls = false;  // by the other side's bytes, not for want of them
    };
    using ConnectionPtr = std::shared_ptr<Connection>;

    asio::awaitable<void> accept_loop();
    asio::awaitable<void> serve(ConnectionPtr connection, std::string from);
    asio::awaitable<void> connect(std::uint64_t link, ConnectionPtr connection,
                                  std::string address);
    asio::awaitable<Trouble> open(ConnectionPtr connection, std::string address);
    asio::awaitable<void> read_loop(std::uint64_t link, ConnectionPtr connection);
    asio::awaitable<void> write_loop(std::uint64_t link, ConnectionPtr connection);
    [[nodiscard]] bool is_mine(std::uint64_t link, const ConnectionPtr& connection) const;

    // constant after construction
    asio::io_context& context_;
    const TcpOptions options_;
    const std::unique_ptr<asio::ssl::context> tls_;  // null: none

    tcp::acceptor acceptor_;
    Node* node_ = nullptr;
    std::map<std::uint64_t, ConnectionPtr> connections_;
    std::size_t handshakes_ = 0;
};

}  // namespace parrhesia::mesh
