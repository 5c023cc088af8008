#include "parrhesia/protocol/peer_frame.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <string>
#include <vector>

namespace parrhesia::protocol {
namespace {

void give(PeerFrameReader& reader, std::string_view bytes) {
    reader.append({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string frame(std::string_view payload, std::uint8_t flags = 0, bool checksums = false) {
    PeerFrameWriter writer(checksums);
    std::string out;
    writer.append(out, PeerFrameType::heartbeat, Lane::marmot, payload, flags);
    return out;
}

PeerFrameError error_of(std::string_view bytes, bool allowed = true, bool checksums = false) {
    PeerFrameReader reader(checksums);
    if (allowed) reader.allow(100'000);
    give(reader, bytes);
    while (reader.next()) {
    }
    return reader.error();
}

TEST(PeerFrame, StandsOnTheWireAsDocumented) {
    EXPECT_EQ(frame("ab", kFlagIgnorable),
              std::string("\0\0\0\x0e\x07\x80\x01\x01\0\0\0\0\0\0\0\x01"
                          "ab",
                          18));
}

TEST(PeerFrame, ComesBackWhateverThePieces) {
    for (const bool checksums : {false, true}) {
        PeerFrameWriter writer(checksums);
        std::string out;
        writer.append(out, PeerFrameType::gap, Lane::generic, "one");
        writer.append(out, PeerFrameType::ack, Lane::ephemeral, "");
        PeerFrameReader reader(checksums);
        std::vector<std::string> payloads;
        for (const char byte : out) {
            give(reader, {&byte, 1});
            while (const auto read = reader.next()) payloads.emplace_back(read->payload);
        }
        EXPECT_EQ(payloads, (std::vector<std::string>{"one", ""}));
        EXPECT_EQ(reader.error(), PeerFrameError::none);
    }
}

TEST(PeerFrame, ALengthAboveTheBoundIsRefusedBeforeItsBytesCome) {
    EXPECT_EQ(error_of(std::string("\0\0\x10\x01", 4), false), PeerFrameError::too_long);
    EXPECT_EQ(error_of(std::string("\0\x01\x86\xa1", 4)), PeerFrameError::too_long);
    EXPECT_EQ(error_of(std::string("\xff\xff\xff\xff", 4)), PeerFrameError::too_long);
    EXPECT_EQ(error_of(std::string("\0\x01\x86\xa0", 4)), PeerFrameError::none);
}

TEST(PeerFrame, ALengthBelowTheHeaderIsRefused) {
    EXPECT_EQ(error_of(std::string("\0\0\0\x0b", 4)), PeerFrameError::too_short);
    EXPECT_EQ(error_of(std::string("\0\0\0\x0f", 4), true, true), PeerFrameError::too_short);
}

TEST(PeerFrame, AHoleOrARepetitionIsNoticed) {
    PeerFrameWriter writer(false);
    std::string first;
    std::string second;
    writer.append(first, PeerFrameType::ack, Lane::control, "x");
    writer.append(second, PeerFrameType::ack, Lane::control, "x");
    EXPECT_EQ(error_of(second), PeerFrameError::sequence);
    EXPECT_EQ(error_of(first + first), PeerFrameError::sequence);
    EXPECT_EQ(error_of(first + second), PeerFrameError::none);
}

TEST(PeerFrame, EveryChangedByteIsNoticedByTheChecksum) {
    const std::string whole = frame("payload", 0, true);
    for (std::size_t i = 4; i < whole.size(); ++i) {
        std::string changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ 0x10);
        EXPECT_EQ(error_of(changed, true, true), PeerFrameError::checksum) << i;
    }
}

TEST(PeerFrame, AnUnknownTypeIsSkippedIfItSaysThatItMay) {
    PeerFrameWriter writer(false);
    std::string out;
    writer.append(out, static_cast<PeerFrameType>(77), Lane::control, "new", kFlagIgnorable);
    writer.append(out, PeerFrameType::ack, Lane::control, "known");
    PeerFrameReader reader(false);
    give(reader, out);
    const auto read = reader.next();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->payload, "known");
    EXPECT_EQ(reader.skipped(), 1U);

    PeerFrameWriter strict(false);
    out.clear();
    strict.append(out, static_cast<PeerFrameType>(77), Lane::control, "new");
    EXPECT_EQ(error_of(out), PeerFrameError::unknown_type);
}

TEST(PeerFrame, AnUnknownHeaderVersionOrLaneIsRefused) {
    std::string lane = frame("x");
    lane[6] = 4;
    EXPECT_EQ(error_of(lane), PeerFrameError::header);
    std::string version = frame("x");
    version[7] = 2;
    EXPECT_EQ(error_of(version), PeerFrameError::header);
}

TEST(PeerFrame, IsCompressedWhereThatHelps) {
    PeerFrameWriter writer(true);
    std::string out;
    const std::string text(50'000, 'a');
    std::size_t begun = writer.begin(out, PeerFrameType::event_batch, Lane::generic);
    out += text;
    writer.end_compressed(out, begun);
    EXPECT_LT(out.size(), 1000U);
    begun = writer.begin(out, PeerFrameType::event_batch, Lane::generic);
    out += "short";
    writer.end_compressed(out, begun);

    PeerFrameReader reader(true);
    reader.allow(100'000);
    give(reader, out);
    auto read = reader.next();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->payload, text);
    read = reader.next();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->payload, "short");
    EXPECT_EQ(read->flags, 0);
}

std::string packed(std::size_t size) {
    const std::string text(size, '\0');
    std::string out(ZSTD_compressBound(size), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
    return out;
}

TEST(PeerFrame, ABombIsRefusedBeforeItGoesOff) {
    EXPECT_EQ(error_of(frame(packed(100'001), kFlagCompressed)), PeerFrameError::too_long);
    EXPECT_EQ(error_of(frame(packed(100'000), kFlagCompressed)), PeerFrameError::none);
    EXPECT_EQ(error_of(frame(packed(std::size_t{64} << 20), kFlagCompressed)),
              PeerFrameError::too_long);
    // One that does not say how large it is.
    std::string stream(1000, '\0');
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_outBuffer to{stream.data(), stream.size(), 0};
    const std::string text(500, 'x');
    ZSTD_inBuffer from{text.data(), text.size(), 0};
    ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush);
    ZSTD_inBuffer nothing{nullptr, 0, 0};
    ZSTD_compressStream2(context, &to, &nothing, ZSTD_e_end);
    ZSTD_freeCCtx(context);
    stream.resize(to.pos);
    EXPECT_EQ(error_of(frame(stream, kFlagCompressed)), PeerFrameError::compression);
}

TEST(PeerFrame, CompressionIsForThoseWhoAreKnown) {
    EXPECT_EQ(error_of(frame(packed(100), kFlagCompressed), false), PeerFrameError::compression);
}

TEST(PeerFrame, DamagedCompressionIsRefused) {
    const std::string good = packed(5000);
    EXPECT_EQ(error_of(frame("no zstd at all", kFlagCompressed)), PeerFrameError::compression);
    EXPECT_EQ(error_of(frame(good.substr(0, good.size() - 1), kFlagCompressed)),
              PeerFrameError::compression);
    EXPECT_EQ(error_of(frame(good + good, kFlagCompressed)), PeerFrameError::compression);
}

TEST(PeerFrame, AfterAnErrorNothingIsRead) {
    PeerFrameReader reader(false);
    give(reader, std::string("\xff\xff\xff\xff", 4));
    EXPECT_FALSE(reader.next());
    give(reader, frame("x"));
    EXPECT_FALSE(reader.next());
    EXPECT_EQ(reader.error(), PeerFrameError::too_long);
}

}  // namespace
}  // namespace parrhesia::protocol
