#include "parrhesia/protocol/peer_frame.hpp"

#include "protocol/big_endian.hpp"

#include <boost/crc.hpp>
#include <zstd.h>

namespace parrhesia::protocol {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::uint8_t kHeaderVersion = 1;
constexpr int kCompressionLevel = 1;
// Consumed bytes are cut off the buffer's front when this many have gathered, or all are.
constexpr std::size_t kCompactBytes = std::size_t{64} << 10;

std::uint32_t crc32c(std::string_view bytes) {
    boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
    crc.process_bytes(bytes.data(), bytes.size());
    return crc.checksum();
}

bool is_known(PeerFrameType type) noexcept {
    return type >= PeerFrameType::hello && type <= PeerFrameType::goodbye;
}

}  // namespace

std::string_view to_text(Lane lane) noexcept {
    switch (lane) {
        case Lane::control:
            return "control";
        case Lane::marmot:
            return "marmot";
        case Lane::generic:
            return "generic";
        case Lane::ephemeral:
            return "ephemeral";
    }
    return "unknown";
}

std::string_view to_text(PeerFrameError error) noexcept {
    switch (error) {
        case PeerFrameError::none:
            return "no error";
        case PeerFrameError::too_long:
            return "frame longer than allowed";
        case PeerFrameError::too_short:
            return "frame shorter than its header";
        case PeerFrameError::header:
            return "unknown header version or lane";
        case PeerFrameError::sequence:
            return "frame out of sequence";
        case PeerFrameError::checksum:
            return "wrong checksum";
        case PeerFrameError::compression:
            return "bad compression";
        case PeerFrameError::unknown_type:
            return "unknown frame type";
    }
    return "unknown error";
}

void PeerFrameReader::append(std::span<const std::uint8_t> bytes) {
    if (error_ != PeerFrameError::none) return;
    if (consumed_ == buffer_.size() || consumed_ >= kCompactBytes) {
        buffer_.erase(0, consumed_);
        consumed_ = 0;
    }
    buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void PeerFrameReader::allow(std::uint32_t bytes) noexcept {
    max_frame_ = bytes;
    established_ = true;
}

std::optional<PeerFrame> PeerFrameReader::next() {
    const auto fail = [this](PeerFrameError error) {
        error_ = error;
        return std::nullopt;
    };
    while (error_ == PeerFrameError::none) {
        const std::string_view waiting = std::string_view(buffer_).substr(consumed_);
        if (waiting.size() < kLengthBytes) return std::nullopt;
        const auto length = read_number<std::uint32_t>(waiting.data());
        const std::size_t trailer = checksums_ ? kPeerChecksumBytes : 0;
        if (length > max_frame_) return fail(PeerFrameError::too_long);
        if (length < kPeerHeaderBytes - kLengthBytes + trailer) {
            return fail(PeerFrameError::too_short);
        }
        if (waiting.size() < kLengthBytes + length) return std::nullopt;

        const std::string_view body = waiting.substr(kLengthBytes, length - trailer);
        if (checksums_ && crc32c(body) != read_number<std::uint32_t>(body.data() + body.size())) {
            return fail(PeerFrameError::checksum);
        }
        PeerFrame frame;
        frame.type = static_cast<PeerFrameType>(body[0]);
        frame.flags = static_cast<std::uint8_t>(body[1]);
        const auto lane = static_cast<std::uint8_t>(body[2]);
        if (lane >= kLanes || static_cast<std::uint8_t>(body[3]) != kHeaderVersion) {
            return fail(PeerFrameError::header);
        }
        frame.lane = static_cast<Lane>(lane);
        if (read_number<std::uint64_t>(body.data() + 4) != next_sequence_) {
            return fail(PeerFrameError::sequence);
        }
        ++next_sequence_;
        consumed_ += kLengthBytes + length;
        frame.payload = body.substr(kPeerHeaderBytes - kLengthBytes);
        if (!is_known(frame.type)) {
            if ((frame.flags & kFlagIgnorable) == 0) return fail(PeerFrameError::unknown_type);
            ++skipped_;
            continue;
        }
        if ((frame.flags & kFlagCompressed) == 0) return frame;
        if (const auto error = decompress(frame); error != PeerFrameError::none) return fail(error);
        return frame;
    }
    return std::nullopt;
}

// Only what says how long it will be, so that the bound is checked before the memory is taken.
PeerFrameError PeerFrameReader::decompress(PeerFrame& frame) {
    const std::string_view packed = frame.payload;
    if (!established_) return PeerFrameError::compression;
    const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) {
        return PeerFrameError::compression;
    }
    if (size > max_frame_) return PeerFrameError::too_long;
    if (ZSTD_findFrameCompressedSize(packed.data(), packed.size()) != packed.size()) {
        return PeerFrameError::compression;
    }
    decompressed_.resize(size);
    const std::size_t made =
        ZSTD_decompress(decompressed_.data(), decompressed_.size(), packed.data(), packed.size());
    if (ZSTD_isError(made) != 0 || made != size) return PeerFrameError::compression;
    frame.payload = decompressed_;
    return PeerFrameError::none;
}

void PeerFrameWriter::append(std::string& out, PeerFrameType type, Lane lane,
                             std::string_view payload, std::uint8_t flags) {
    const std::size_t begun = begin(out, type, lane, flags);
    out += payload;
    end(out, begun);
}

std::size_t PeerFrameWriter::begin(std::string& out, PeerFrameType type, Lane lane,
                                   std::uint8_t flags) {
    const std::size_t begun = out.size();
    append_number(out, std::uint32_t{0});  // end() knows the length
    append_number(out, static_cast<std::uint8_t>(type));
    append_number(out, flags);
    append_number(out, static_cast<std::uint8_t>(lane));
    append_number(out, kHeaderVersion);
    append_number(out, ++sequence_);
    return begun;
}

void PeerFrameWriter::end(std::string& out, std::size_t begun) {
    if (checksums_) {
        append_number(out, crc32c(std::string_view(out).substr(begun + kLengthBytes)));
    }
    std::string length;
    append_number(length, static_cast<std::uint32_t>(out.size() - begun - kLengthBytes));
    out.replace(begun, length.size(), length);
}

void PeerFrameWriter::end_compressed(std::string& out, std::size_t begun) {
    const std::size_t payload = begun + kPeerHeaderBytes;
    const std::size_t size = out.size() - payload;
    std::string packed(ZSTD_compressBound(size), '\0');
    const std::size_t made =
        ZSTD_compress(packed.data(), packed.size(), out.data() + payload, size, kCompressionLevel);
    if (ZSTD_isError(made) == 0 && made < size) {
        out.replace(payload, size, packed, 0, made);
        out[begun + kLengthBytes + 1] = static_cast<char>(
            static_cast<std::uint8_t>(out[begun + kLengthBytes + 1]) | kFlagCompressed);
    }
    end(out, begun);
}

}  // namespace parrhesia::protocol
