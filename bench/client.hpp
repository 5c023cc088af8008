// One websocket connection of the generator.
#pragma once

#include "frame.hpp"
#include "loop.hpp"

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parrhesia::bench {

// Where a relay listens. Errors: throws std::runtime_error that names the URL.
struct Target {
    sockaddr_storage address{};
    socklen_t address_size = 0;
    std::string host;  // of the Host header
    std::string path;

    // ws://host[:port]/path; names are resolved. No TLS: it would measure TLS.
    [[nodiscard]] static Target from_url(const std::string& url);
};

// Bytes of all connections of a run.
struct Traffic {
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_bytes = 0;
};

// Threading: one thread, that of its loop.
class Client final : private Loop::Source {
  public:
    class Handler {
      public:
        virtual ~Handler() = default;
        virtual void on_open(Client& client) = 0;
        virtual void on_text(Client& client, std::string_view text) = 0;
        // Once, for every end that close() did not bring about. The client stays alive.
        virtual void on_lost(Client& client, std::string_view reason) = 0;
    };

    // All references outlive the client. `number` is the handler's.
    Client(Loop& loop, Handler& handler, Traffic& traffic, std::size_t number)
        : loop_(loop), handler_(handler), traffic_(traffic), number_(number) {}
    ~Client() override { close(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Begins to connect; on_open() follows. Once.
    void start(const Target& target);
    // Sent at the end of the loop's turn, together with others of this turn.
    void send_text(std::string_view text);
    void send_frames(std::string_view frames);  // made by append_client_frame()
    // At once, without a word: the relay sees the end of the stream.
    void close();

    [[nodiscard]] std::size_t number() const noexcept { return number_; }
    [[nodiscard]] bool is_open() const noexcept { return state_ == State::open; }

  private:
    enum class State { idle, connecting, upgrading, open, closed };

    void on_ready(std::uint32_t events) override;
    void on_flush() override;
    void read();
    void read_upgrade(std::string_view bytes);
    void read_frames(std::string_view bytes);
    void queue_flush();
    void lose(std::string_view reason);

    Loop& loop_;
    Handler& handler_;
    Traffic& traffic_;
    const std::size_t number_;

    int descriptor_ = -1;
    State state_ = State::idle;
    bool is_flush_queued_ = false;
    bool waits_for_write_ = false;
    std::string out_;
    std::size_t sent_ = 0;  // of out_
    std::string upgrade_;   // the response so far
    FrameDecoder decoder_;
};

}  // namespace parrhesia::bench
