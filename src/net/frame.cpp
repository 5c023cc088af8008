#include "net/frame.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace parrhesia::net {
namespace {

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kCompressed = 0x40;
constexpr std::uint8_t kText = 0x01;
constexpr std::uint8_t kPing = 0x09;

constexpr std::size_t kMaxHeadBytes = 10;

constexpr std::size_t kSmallestToCompress = 256;
constexpr int kCompressionLevel = 3;
constexpr int kWindowBits = 15;
constexpr int kMemoryLevel = 4;

void append_head(std::string& out, std::uint8_t first_byte, std::size_t payload_bytes) {
    std::array<char, kMaxHeadBytes> head;
    std::size_t size = 0;
    head[size++] = static_cast<char>(first_byte);
    unsigned length_bytes = 0;
    if (payload_bytes < 126) {
        head[size++] = static_cast<char>(payload_bytes);
    } else if (payload_bytes <= 0xffff) {
        head[size++] = 126;
        length_bytes = 2;
    } else {
        head[size++] = 127;
        length_bytes = 8;
    }
    for (unsigned left = length_bytes; left > 0; --left) {
        head[size++] = static_cast<char>(payload_bytes >> (8 * (left - 1)) & 0xffU);
    }
    out.append(head.data(), size);
}

std::size_t total_size(std::initializer_list<std::string_view> pieces) {
    std::size_t size = 0;
    for (const std::string_view piece : pieces) size += piece.size();
    return size;
}

}  // namespace

void append_text_frame(std::string& out, std::initializer_list<std::string_view> pieces) {
    const std::size_t payload_bytes = total_size(pieces);
    const std::size_t needed = out.size() + kMaxHeadBytes + payload_bytes;
    // Once for all pieces; at least doubled, as reserve() alone would grow to the byte.
    if (needed > out.capacity()) out.reserve(std::max(needed, 2 * out.capacity()));
    append_head(out, kFinal | kText, payload_bytes);
    for (const std::string_view piece : pieces) out.append(piece);
}

void append_ping_frame(std::string& out) { append_head(out, kFinal | kPing, 0); }

struct MessageDeflater::Impl {
    boost::beast::zlib::deflate_stream stream;
    std::string plain;
    std::string compressed;
};

MessageDeflater::MessageDeflater() : impl_(std::make_unique<Impl>()) {}
MessageDeflater::~MessageDeflater() = default;

void MessageDeflater::append_text_frame(std::string& out,
                                        std::initializer_list<std::string_view> pieces) {
    namespace zlib = boost::beast::zlib;
    const std::size_t plain_bytes = total_size(pieces);
    if (plain_bytes < kSmallestToCompress) {
        net::append_text_frame(out, pieces);
        return;
    }
    std::string& plain = impl_->plain;
    plain.clear();
    for (const std::string_view piece : pieces) plain.append(piece);

    zlib::deflate_stream& stream = impl_->stream;
    stream.reset(kCompressionLevel, kWindowBits, kMemoryLevel, zlib::Strategy::normal);
    std::string& compressed = impl_->compressed;
    compressed.resize(stream.upper_bound(plain.size()) + 16);

    zlib::z_params state;
    state.next_in = plain.data();
    state.avail_in = plain.size();
    state.next_out = compressed.data();
    state.avail_out = compressed.size();
    boost::system::error_code error;
    stream.write(state, zlib::Flush::sync, error);

    // A sync flush ends in 00 00 ff ff, which RFC 7692 section 7.2.1 drops.
    constexpr std::string_view kTail("\x00\x00\xff\xff", 4);
    const std::string_view result(compressed.data(), state.total_out);
    if (error || state.avail_in != 0 || !result.ends_with(kTail) || result.size() >= plain_bytes) {
        net::append_text_frame(out, pieces);
        return;
    }
    append_head(out, kFinal | kCompressed | kText, result.size() - kTail.size());
    out.append(result.substr(0, result.size() - kTail.size()));
}

}  // namespace parrhesia::net
