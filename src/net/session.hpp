// One connection from accept to its last byte: HTTP first, then, if the client upgrades, the
// websocket.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/network.hpp"
#include "parrhesia/net/relay_server.hpp"
#include "parrhesia/pipeline/client.hpp"
#include "parrhesia/pipeline/connection.hpp"
#include "parrhesia/pipeline/relay.hpp"

#include "net/asio.hpp"
#include "net/client_address.hpp"
#include "net/connection_gate.hpp"
#include "net/corked_socket.hpp"
#include "net/flush_queue.hpp"
#include "net/http.hpp"
#include "net/net_metrics.hpp"
#include "net/received_bytes.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace parrhesia::net {

class IoThread;

// What all sessions share.
struct SessionContext {
    pipeline::Relay& relay;
    const RelayServerOptions options;
    const Site site;
    ConnectionGate gate;
    NetMetrics metrics;
    ByteRates byte_rates;
    const std::uint16_t port;  // that clients connect to
    std::atomic<std::size_t> open_sessions{0};
};

// Threading: belongs to its io thread from start() on.
// Lifetime:  kept alive by its coroutine; ends when the socket does.
class Session final : public pipeline::Client,
                      public Flushable,
                      public std::enable_shared_from_this<Session>,
                      private CorkListener {
  public:
    // `client` has entered the gate; the session leaves it when it ends.
    Session(IoThread& thread, SessionContext& context, tcp::socket socket, ClientAddress client);
    ~Session() override;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void start();

    // pipeline::Client
    void send(std::initializer_list<std::string_view> pieces) override;
    void deliver(std::initializer_list<std::string_view> pieces) override;
    [[nodiscard]] std::size_t unsent_bytes() const noexcept override;
    void close(pipeline::CloseCode code, std::string_view reason) override;
    void resume_reading() override;

    // Flushable
    void flush() override;
    // Ends the connection without a word.
    void cut() override;

    // by the io thread
    void tick();

  private:
    enum class Phase { http, websocket, closing };
    using WebSocket = boost::beast::websocket::stream<CorkedSocket>;

    asio::awaitable<void> run();
    // False when the connection must end.
    asio::awaitable<bool> read_proxy_header();
    // Serves plain requests; returns once one asks for the websocket, or std::nullopt at the end.
    asio::awaitable<std::optional<HttpRequest>> serve_http();
    // False, and told so, when the client has too many connections.
    asio::awaitable<bool> admit(const HttpRequest& request);
    asio::awaitable<bool> accept_websocket(HttpRequest request);
    asio::awaitable<void> serve_websocket();
    asio::awaitable<void> wait_for_credit();
    asio::awaitable<void> pause_reading(base::TokenBucket::Wait duration);
    // Lets the client have what is queued, then waits for it to close; the tick bounds the time.
    asio::awaitable<void> linger();
    void on_message();
    void append(FlushQueue::Lane lane, std::initializer_list<std::string_view> pieces);
    [[nodiscard]] CorkedSocket& socket() noexcept { return ws_.next_layer(); }
    [[nodiscard]] const CorkedSocket& socket() const noexcept { return ws_.next_layer(); }

    // CorkListener
    void on_corked(std::size_t bytes, FlushQueue::Lane lane) override;
    void on_writable() override;
    void on_sent(std::size_t bytes) noexcept override;

    // constant after construction
    IoThread& thread_;
    SessionContext& context_;

    // owned by the io thread
    ClientAddress client_;
    ReceivedBytes received_;
    WebSocket ws_;
    boost::beast::flat_buffer in_;
    std::unique_ptr<pipeline::Connection> connection_;
    std::optional<asio::steady_timer> credit_;  // made when reading first has to wait
    Phase phase_ = Phase::http;
    bool compress_ = false;
    bool above_stream_bytes_ = false;
    bool idle_since_tick_ = false;
    std::size_t counted_unsent_ = 0;  // in the gauge of queued bytes
    base::SteadyTime deadline_;       // of the phases http and closing
    base::SteadyTime last_heard_;
    base::SteadyTime last_ping_;
    base::SteadyTime last_taken_;  // when the client last made room, or was owed nothing
    std::optional<base::SteadyTime> message_begun_;
};

}  // namespace parrhesia::net
