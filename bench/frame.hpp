// Websocket frames as a client writes and reads them (RFC 6455), without a socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parrhesia::bench {

enum class Opcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10,
};

// Appends one final, masked frame.
void append_client_frame(std::string& out, Opcode opcode, std::string_view payload,
                         std::uint32_t mask);

// Cuts what a server sends into messages. Payloads are views into the bytes that were fed as long
// as a frame has arrived whole; only the rest of a chunk is kept.
class FrameDecoder {
  public:
    static constexpr std::size_t kMaxMessageBytes = 64U << 20U;

    // Calls on_message(Opcode, std::string_view payload) for each complete message and each control
    // frame; the view is valid during the call. False after a violation of the protocol: error()
    // says which, and nothing more can be fed.
    template <class OnMessage>
    [[nodiscard]] bool feed(std::string_view bytes, OnMessage&& on_message);

    [[nodiscard]] std::string_view error() const noexcept { return error_; }

  private:
    struct Frame {
        Opcode opcode = Opcode::text;
        bool is_final = true;
        std::string_view payload;
        std::size_t size = 0;  // of the whole frame; 0: it has not arrived completely
    };
    [[nodiscard]] Frame next(std::string_view bytes);
    // The message that the frame completes; false when there is none yet.
    [[nodiscard]] bool complete(Frame& frame);

    std::string rest_;     // the begin of a frame that has not arrived completely
    std::string message_;  // fragments so far
    Opcode message_opcode_ = Opcode::continuation;
    std::string_view error_;
};

template <class OnMessage>
bool FrameDecoder::feed(std::string_view bytes, OnMessage&& on_message) {
    std::string joined;
    if (!rest_.empty()) {
        joined.swap(rest_);
        joined.append(bytes);
        bytes = joined;
    }
    while (error_.empty()) {
        Frame frame = next(bytes);
        if (frame.size == 0) break;
        bytes.remove_prefix(frame.size);
        if (complete(frame)) {
            on_message(frame.opcode, frame.payload);
            if (frame.payload.data() == message_.data()) message_.clear();
        }
    }
    rest_.assign(bytes);
    return error_.empty();
}

}  // namespace parrhesia::bench
