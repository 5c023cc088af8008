#include "frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parrhesia::bench {
namespace {

using Messages = std::vector<std::pair<Opcode, std::string>>;

// As a server sends it: no mask.
std::string server_frame(Opcode opcode, std::string_view payload, bool is_final = true) {
    std::string frame;
    frame += static_cast<char>((is_final ? 0x80U : 0U) | static_cast<unsigned>(opcode));
    const std::size_t size = payload.size();
    if (size < 126) {
        frame += static_cast<char>(size);
    } else if (size < 65536) {
        frame += {static_cast<char>(126), static_cast<char>(size >> 8U), static_cast<char>(size)};
    } else {
        frame += static_cast<char>(127);
        for (unsigned shift = 64; shift > 0; shift -= 8) {
            frame += static_cast<char>(size >> (shift - 8));
        }
    }
    return frame + std::string(payload);
}

// All messages in `bytes`, fed `step` bytes at a time.
Messages decoded(std::string_view bytes, std::size_t step) {
    FrameDecoder decoder;
    Messages messages;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
        EXPECT_TRUE(decoder.feed(bytes.substr(0, step), [&](Opcode opcode, std::string_view text) {
            messages.emplace_back(opcode, text);
        })) << decoder.error();
    }
    return messages;
}

// The first error in `bytes`, "" if there is none.
std::string error_of(std::string_view bytes) {
    FrameDecoder decoder;
    const bool is_good = decoder.feed(bytes, [](Opcode, std::string_view) {});
    EXPECT_EQ(is_good, decoder.error().empty());
    return std::string(decoder.error());
}

TEST(FrameDecoder, MessagesOfEverySizeArriveHoweverTheyAreCut) {
    const Messages sent = {{Opcode::text, ""},
                           {Opcode::text, std::string(125, 'a')},
                           {Opcode::binary, std::string(126, 'b')},
                           {Opcode::text, std::string(65535, 'c')},
                           {Opcode::ping, "p"},
                           {Opcode::text, std::string(65536, 'd')}};
    std::string bytes;
    for (const auto& [opcode, payload] : sent) bytes += server_frame(opcode, payload);

    for (const std::size_t step :
         {std::size_t{1}, std::size_t{7}, std::size_t{4096}, bytes.size()}) {
        EXPECT_EQ(decoded(bytes, step), sent) << "in steps of " << step;
    }
}

TEST(FrameDecoder, FragmentsAreOneMessageAndLetControlFramesThrough) {
    const std::string bytes =
        server_frame(Opcode::text, "one ", false) + server_frame(Opcode::ping, "!") +
        server_frame(Opcode::continuation, "two ", false) +
        server_frame(Opcode::continuation, "three") + server_frame(Opcode::text, "next");
    const Messages expected = {
        {Opcode::ping, "!"}, {Opcode::text, "one two three"}, {Opcode::text, "next"}};

    EXPECT_EQ(decoded(bytes, bytes.size()), expected);
    EXPECT_EQ(decoded(bytes, 3), expected);
}

TEST(FrameDecoder, RefusesWhatNoServerMaySend) {
    std::string masked;
    append_client_frame(masked, Opcode::text, "x", 1);
    EXPECT_EQ(error_of(masked), "a frame of the server is masked");
    EXPECT_EQ(error_of("\xc1\x01x"), "reserved bits are set");
    EXPECT_EQ(error_of(server_frame(Opcode::continuation, "x")), "a continuation of nothing");
    EXPECT_EQ(error_of(server_frame(Opcode::text, "x", false) + server_frame(Opcode::text, "y")),
              "a message within another");
    EXPECT_EQ(error_of(server_frame(Opcode::ping, "x", false)),
              "a control frame is too long or fragmented");
}

TEST(AppendClientFrame, MasksSoThatUnmaskingGivesThePayload) {
    for (const std::size_t size : {0U, 1U, 7U, 8U, 125U, 126U, 65535U, 65536U}) {
        std::string payload;
        for (std::size_t i = 0; i < size; ++i) payload += static_cast<char>(i * 31);
        std::string frame = "before";
        append_client_frame(frame, Opcode::text, payload, 0xa1b2c3d4);

        const std::size_t head = size < 126 ? 2 : size < 65536 ? 4 : 10;
        ASSERT_EQ(frame.size(), 6 + head + 4 + size);
        const std::string key = frame.substr(6 + head, 4);
        std::string unmasked = frame.substr(6 + head + 4);
        for (std::size_t i = 0; i < size; ++i) {
            unmasked[i] = static_cast<char>(unmasked[i] ^ key[i % 4]);
        }
        EXPECT_EQ(unmasked, payload);
        EXPECT_NE(frame[7] & 0x80, 0) << "the mask bit";
    }
}

}  // namespace
}  // namespace parrhesia::bench
