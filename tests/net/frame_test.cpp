#include "net/frame.hpp"

#include <boost/beast/zlib/inflate_stream.hpp>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace parrhesia::net {
namespace {

std::string inflate(std::string compressed, std::size_t plain_bytes) {
    namespace zlib = boost::beast::zlib;
    compressed.append("\x00\x00\xff\xff", 4);
    std::string plain(plain_bytes + 64, '\0');
    zlib::inflate_stream stream;
    zlib::z_params state;
    state.next_in = compressed.data();
    state.avail_in = compressed.size();
    state.next_out = plain.data();
    state.avail_out = plain.size();
    boost::system::error_code error;
    stream.write(state, zlib::Flush::sync, error);
    plain.resize(state.total_out);
    return plain;
}

// The payload of the one frame in `frame`; its first byte goes to `first`.
std::string payload_of(const std::string& frame, unsigned& first) {
    first = static_cast<unsigned char>(frame[0]);
    const unsigned length = static_cast<unsigned char>(frame[1]);
    if (length < 126) return frame.substr(2);
    return frame.substr(length == 126 ? 4 : 10);
}

TEST(Frame, HeadHasTheShortestLengthForm) {
    for (const std::size_t size : {0U, 125U, 126U, 65535U, 65536U}) {
        std::string out;
        append_text_frame(out, {std::string(size, 'x')});
        const std::size_t head = size < 126 ? 2 : size < 65536 ? 4 : 10;
        ASSERT_EQ(out.size(), head + size);
        EXPECT_EQ(static_cast<unsigned char>(out[0]), 0x81U);
        std::size_t length = 0;
        if (head == 2) {
            length = static_cast<unsigned char>(out[1]);
        } else {
            for (std::size_t i = 2; i < head; ++i) {
                length = length << 8U | static_cast<unsigned char>(out[i]);
            }
        }
        EXPECT_EQ(length, size);
    }
}

TEST(Frame, PiecesStandOneAfterAnother) {
    std::string out = "before";
    append_text_frame(out, {"[\"EVENT\",\"s\",", "{}", "]"});
    EXPECT_EQ(out.substr(8), "[\"EVENT\",\"s\",{}]");
}

TEST(Frame, CompressedMessagesInflateToThePieces) {
    MessageDeflater deflater;
    for (int round = 0; round < 3; ++round) {  // each message stands alone
        std::string out;
        const std::string body = std::string(5000, 'a') + std::to_string(round);
        deflater.append_text_frame(out, {"head ", body, " tail"});
        unsigned first = 0;
        const std::string payload = payload_of(out, first);
        EXPECT_EQ(first, 0xc1U);
        EXPECT_LT(payload.size(), 500U);
        EXPECT_EQ(inflate(payload, body.size() + 10), "head " + body + " tail");
    }
}

TEST(Frame, MessagesThatDoNotShrinkGoOutPlain) {
    MessageDeflater deflater;
    std::mt19937 random(1);
    std::string noise;
    for (int i = 0; i < 4000; ++i) noise.push_back(static_cast<char>(random()));
    for (const std::string& body : {noise, std::string("short")}) {
        std::string out;
        deflater.append_text_frame(out, {body});
        unsigned first = 0;
        EXPECT_EQ(payload_of(out, first), body);
        EXPECT_EQ(first, 0x81U);
    }
}

}  // namespace
}  // namespace parrhesia::net
