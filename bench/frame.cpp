#include "frame.hpp"

#include <cstring>

namespace parrhesia::bench {
namespace {

void append_big_endian(std::string& out, std::uint64_t value, unsigned bytes) {
    for (unsigned i = bytes; i > 0; --i) {
        out.push_back(static_cast<char>((value >> (8 * (i - 1))) & 0xffU));
    }
}

bool is_control(Opcode opcode) noexcept { return (static_cast<unsigned>(opcode) & 8U) != 0; }

}  // namespace

void append_client_frame(std::string& out, Opcode opcode, std::string_view payload,
                         std::uint32_t mask) {
    constexpr unsigned kMasked = 0x80;
    out.push_back(static_cast<char>(0x80U | static_cast<unsigned>(opcode)));
    if (payload.size() < 126) {
        out.push_back(static_cast<char>(kMasked | payload.size()));
    } else if (payload.size() < 65536) {
        out.push_back(static_cast<char>(kMasked | 126U));
        append_big_endian(out, payload.size(), 2);
    } else {
        out.push_back(static_cast<char>(kMasked | 127U));
        append_big_endian(out, payload.size(), 8);
    }
    char key[8];
    std::memcpy(key, &mask, 4);
    std::memcpy(key + 4, &mask, 4);
    out.append(key, 4);

    const std::size_t first = out.size();
    out.append(payload);
    std::uint64_t wide = 0;
    std::memcpy(&wide, key, 8);
    char* p = out.data() + first;
    std::size_t left = payload.size();
    for (; left >= 8; left -= 8, p += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, p, 8);
        word ^= wide;
        std::memcpy(p, &word, 8);
    }
    for (std::size_t i = 0; i < left; ++i) p[i] = static_cast<char>(p[i] ^ key[i]);
}

FrameDecoder::Frame FrameDecoder::next(std::string_view bytes) {
    Frame frame;
    if (bytes.size() < 2) return frame;
    const auto byte = [bytes](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
    frame.is_final = (byte(0) & 0x80U) != 0;
    frame.opcode = static_cast<Opcode>(byte(0) & 0x0fU);
    if ((byte(0) & 0x70U) != 0) error_ = "reserved bits are set";
    if ((byte(1) & 0x80U) != 0) error_ = "a frame of the server is masked";
    std::uint64_t payload_size = byte(1) & 0x7fU;
    std::size_t head = 2;
    if (is_control(frame.opcode) && (payload_size > 125 || !frame.is_final)) {
        error_ = "a control frame is too long or fragmented";
    }
    if (!error_.empty()) return frame;
    if (payload_size >= 126) {
        const std::size_t extra = payload_size == 126 ? 2 : 8;
        if (bytes.size() < head + extra) return frame;
        payload_size = 0;
        for (std::size_t i = 0; i < extra; ++i) payload_size = payload_size << 8U | byte(head + i);
        head += extra;
    }
    if (payload_size > kMaxMessageBytes) {
        error_ = "a frame is larger than 64 MiB";
        return frame;
    }
    if (bytes.size() - head < payload_size) return frame;
    frame.payload = bytes.substr(head, payload_size);
    frame.size = head + payload_size;
    return frame;
}

bool FrameDecoder::complete(Frame& frame) {
    if (is_control(frame.opcode)) return true;
    const bool continues = frame.opcode == Opcode::continuation;
    if (continues != (message_opcode_ != Opcode::continuation)) {
        error_ = continues ? "a continuation of nothing" : "a message within another";
        return false;
    }
    if (!continues && frame.is_final) return true;
    if (!continues) message_opcode_ = frame.opcode;
    if (message_.size() + frame.payload.size() > kMaxMessageBytes) {
        error_ = "a message is larger than 64 MiB";
        return false;
    }
    message_.append(frame.payload);
    if (!frame.is_final) return false;
    frame.opcode = message_opcode_;
    frame.payload = message_;
    message_opcode_ = Opcode::continuation;
    return true;
}

}  // namespace parrhesia::bench
