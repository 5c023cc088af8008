// A connected client as the pipeline sees it. Implemented by net's websocket session and by a
// recording fake in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace parrhesia::pipeline {

// Close codes of RFC 6455 that the relay uses.
enum class CloseCode : std::uint16_t {
    going_away = 1001,
    policy_violation = 1008,
};

// Threading: belongs to one io thread.
class Client {
  public:
    virtual ~Client() = default;

    // Queues one text message, the pieces one after another; they are copied. No effect after
    // close().
    virtual void send(std::initializer_list<std::string_view> pieces) = 0;

    // The same for a live event, which nobody waits for: it may be held back a little longer, so
    // that several leave in one system call. Order is kept between the two.
    virtual void deliver(std::initializer_list<std::string_view> pieces) { send(pieces); }

    // Bytes queued here that the kernel has not taken yet.
    [[nodiscard]] virtual std::size_t unsent_bytes() const noexcept = 0;

    // Ends the connection after what is queued; the peer gets a few seconds to take it.
    virtual void close(CloseCode code, std::string_view reason) = 0;

    // Connection::wants_input() has become true again.
    virtual void resume_reading() = 0;
};

}  // namespace parrhesia::pipeline
