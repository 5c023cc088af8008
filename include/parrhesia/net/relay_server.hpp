// The clients' listener: HTTP at / (NIP-11, a landing page), and the websocket of NIP-01.
#pragma once

#include "parrhesia/base/metrics.hpp"
#include "parrhesia/base/network.hpp"
#include "parrhesia/base/token_bucket.hpp"
#include "parrhesia/net/io_threads.hpp"
#include "parrhesia/pipeline/relay.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace parrhesia::net {

// Where a trusted proxy writes whom it speaks for.
enum class ForwardedHeader : std::uint8_t { none, x_forwarded_for, forwarded, x_real_ip };

struct RelayServerOptions {
    std::string bind = "127.0.0.1";              // an IPv4 or IPv6 address
    std::uint16_t port = 7777;                   // 0: any free one
    std::chrono::seconds handshake_timeout{10};  // from accept to a complete upgrade
    std::chrono::seconds frame_timeout{30};      // a message once begun must be complete by then
    std::chrono::seconds ping_interval{30};      // of silence
    std::chrono::seconds idle_timeout{90};       // of silence, pongs included
    std::chrono::seconds close_timeout{5};       // to take what is queued and say goodbye
    bool compression = false;                    // offer permessage-deflate (RFC 7692)
    std::size_t max_connections = 16000;
    std::size_t max_connections_per_ip = 100;
    base::NetworkList exempt;  // networks that limits per address and rates spare
    // Only these are believed when they name another address than their own.
    base::NetworkList trusted_proxies;
    ForwardedHeader forwarded_header = ForwardedHeader::x_forwarded_for;
    bool proxy_protocol = false;  // version 2, expected on each connection of a trusted proxy
    // Bytes of messages received; above it a client is not read for a while.
    base::TokenRate bytes_connection;
    base::TokenRate bytes_ip;
    std::string information_json;  // the NIP-11 document
    std::string landing_page;      // HTML
};

// Threading: belongs to the thread that made it; its sessions belong to the io threads.
// Lifetime:  io threads, relay and metrics outlive it. close_clients() before it is destroyed.
class RelayServer {
  public:
    // Binds. Errors: std::runtime_error with the address, the reason and the remedy.
    RelayServer(IoThreads& threads, pipeline::Relay& relay, base::MetricsRegistry& metrics,
                RelayServerOptions options);
    ~RelayServer();
    RelayServer(const RelayServer&) = delete;
    RelayServer& operator=(const RelayServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;
    // That are open. From any thread.
    [[nodiscard]] std::size_t connections() const noexcept;

    // Accepts from now on; the io threads must have started or start soon.
    void start();
    void stop_accepting();
    // Sends every client what is queued for it and close 1001; returns when all have left. Those
    // that have not by the deadline are cut off. Blocks; the io threads must run.
    void close_clients(std::chrono::milliseconds deadline);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parrhesia::net
