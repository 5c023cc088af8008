// A websocket client for tests: blocking calls with deadlines, and the raw socket for those who
// misbehave.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::test {

// Long: what is measured is whether something comes, not how slow the machine is.
inline constexpr std::chrono::seconds kSoon{60};

struct WsOptions {
    std::string path = "/";
    bool compression = false;
    // The kernel's receive buffer, for a client that is to be a slow reader; 0: the system's.
    int receive_buffer_bytes = 0;
};

// Threading: one thread. Errors: throws boost::system::system_error.
class WsClient {
  public:
    explicit WsClient(std::uint16_t port, const WsOptions& options = {});

    void send(std::string_view text);
    void send_binary(std::string_view bytes);
    // Sends `text` in frames of at most `fragment_bytes`.
    void send_fragmented(std::string_view text, std::size_t fragment_bytes);
    // Bytes past the websocket layer.
    void send_raw(std::string_view bytes);

    // The next message; nothing once the connection has ended or when none comes in time.
    [[nodiscard]] std::optional<std::string> receive(std::chrono::milliseconds limit = kSoon);
    // Messages up to and including the first that contains `part`; fewer when it never comes.
    [[nodiscard]] std::vector<std::string> receive_until(std::string_view part);
    // Reads on until the connection ends; false when it does not in time.
    [[nodiscard]] bool wait_for_end(std::chrono::milliseconds limit = kSoon);
    // The peer's close code, once the connection has ended; 0: it sent none.
    [[nodiscard]] unsigned close_code() const { return ws_.reason().code; }

  private:
    boost::asio::io_context context_;
    boost::beast::websocket::stream<boost::beast::tcp_stream> ws_;
    boost::beast::flat_buffer in_;
    bool ended_ = false;
};

// A plain TCP connection to the relay, for what is no websocket.
class RawClient {
  public:
    explicit RawClient(std::uint16_t port);
    void send(std::string_view bytes);
    // Everything until the peer closes; nothing when it does not in time.
    [[nodiscard]] std::optional<std::string> read_to_end(std::chrono::milliseconds limit = kSoon);
    // Whether `part` came, before the peer closed and in time.
    [[nodiscard]] bool reads(std::string_view part, std::chrono::milliseconds limit = kSoon);

  private:
    // Up to `part` or the end. Empty: neither came in time.
    [[nodiscard]] std::optional<std::string> read(std::string_view part,
                                                  std::chrono::milliseconds limit);

    boost::asio::io_context context_;
    boost::beast::tcp_stream stream_;
};

struct HttpAnswer {
    unsigned status = 0;
    std::string body;
};
// GET over a connection of its own.
[[nodiscard]] HttpAnswer http_get(std::uint16_t port, std::string_view path,
                                  std::string_view accept = "*/*");

}  // namespace parrhesia::test
