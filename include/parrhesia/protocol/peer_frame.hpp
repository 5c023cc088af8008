// The frames that relays of one cluster send each other, to and from bytes (docs/wire.md). No I/O.
//
//   u32 length | u8 type | u8 flags | u8 lane | u8 header version | u64 sequence | payload [| u32
//   crc32c]
//
// All numbers are big-endian; `length` counts what follows it. The checksum stands only on links
// without TLS, and covers everything between the length and itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace parrhesia::protocol {

enum class PeerFrameType : std::uint8_t {
    hello = 1,
    hello_ack = 2,
    auth = 3,
    auth_ok = 4,
    error = 5,
    peers = 6,
    heartbeat = 7,
    event_batch = 8,
    gap = 9,
    ack = 10,
    goodbye = 11,
};

// Queues of their own on each link, so that one kind of traffic does not delay another. The number
// stands in the frame.
enum class Lane : std::uint8_t { control = 0, marmot = 1, generic = 2, ephemeral = 3 };
inline constexpr std::size_t kLanes = 4;
[[nodiscard]] std::string_view to_text(Lane lane) noexcept;

inline constexpr std::uint8_t kFlagCompressed = 0x01;  // the payload is one zstd frame
inline constexpr std::uint8_t kFlagIgnorable = 0x80;   // who does not know the type skips it

inline constexpr std::size_t kPeerHeaderBytes = 16;  // the length included
inline constexpr std::size_t kPeerChecksumBytes = 4;
inline constexpr std::uint32_t kHandshakeFrameBytes = 4096;  // longest before authentication

struct PeerFrame {
    PeerFrameType type{};  // may be none of the enumerators if the frame is ignorable
    std::uint8_t flags = 0;
    Lane lane = Lane::control;
    std::string_view payload;  // decompressed; valid until the reader is touched again
};

enum class PeerFrameError : std::uint8_t {
    none,
    too_long,   // the length, or the length after decompression, is above the bound
    too_short,  // the length does not even hold the header
    header,     // header version or lane unknown
    sequence,   // not one more than the last: bytes were lost or repeated
    checksum,
    compression,   // no zstd frame, its size is not declared, or it was compressed before AUTH_OK
    unknown_type,  // and not ignorable
};
[[nodiscard]] std::string_view to_text(PeerFrameError error) noexcept;

// Cuts one direction of a link into frames.
//
// Invariant: never holds more than one frame's bytes plus what one append() brought; a length is
// checked before anything of that size is allocated. After an error it stays in error.
// Threading: none of its own.
class PeerFrameReader {
  public:
    // `checksums`: frames end in a CRC. Starts with the bound of the handshake.
    explicit PeerFrameReader(bool checksums) noexcept : checksums_(checksums) {}

    void append(std::span<const std::uint8_t> bytes);
    // The next whole frame; none: more bytes are needed, or error() says what is wrong. Unknown
    // ignorable frames are skipped here.
    [[nodiscard]] std::optional<PeerFrame> next();
    [[nodiscard]] PeerFrameError error() const noexcept { return error_; }

    // After the handshake: frames up to `bytes`, compressed ones allowed.
    void allow(std::uint32_t bytes) noexcept;
    [[nodiscard]] std::uint64_t skipped() const noexcept { return skipped_; }  // ignorable frames

  private:
    [[nodiscard]] PeerFrameError decompress(PeerFrame& frame);

    const bool checksums_;
    bool established_ = false;
    std::uint32_t max_frame_ = kHandshakeFrameBytes;
    PeerFrameError error_ = PeerFrameError::none;
    std::uint64_t next_sequence_ = 1;
    std::uint64_t skipped_ = 0;
    std::string buffer_;
    std::size_t consumed_ = 0;  // of buffer_
    std::string decompressed_;
};

// Writes one direction of a link.
class PeerFrameWriter {
  public:
    explicit PeerFrameWriter(bool checksums) noexcept : checksums_(checksums) {}

    // Appends a whole frame to `out`.
    void append(std::string& out, PeerFrameType type, Lane lane, std::string_view payload,
                std::uint8_t flags = 0);
    // In two steps, for a payload that is written in place: begin() returns the offset that end()
    // wants; between the two, only append to `out`.
    [[nodiscard]] std::size_t begin(std::string& out, PeerFrameType type, Lane lane,
                                    std::uint8_t flags = 0);
    void end(std::string& out, std::size_t begun);
    // Like end(), but the payload is compressed first (zstd, level 1) if that makes it smaller.
    void end_compressed(std::string& out, std::size_t begun);

  private:
    const bool checksums_;
    std::uint64_t sequence_ = 0;
};

}  // namespace parrhesia::protocol
