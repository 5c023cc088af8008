// What the frames between relays say (docs/wire.md): the payloads, to and from bytes. No I/O.
//
// encode_x() appends to nothing and cannot fail, as long as strings keep to the bounds named here.
// parse_x() returns nothing for a payload that is too short, has a count or length beyond its
// bounds, or is not what it says. Control payloads may end in extensions (u16 type, u16 length,
// bytes), which are skipped when unknown.
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/position.hpp"
#include "parrhesia/protocol/peer_frame.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::protocol {

using KeyId = base::FixedBytes<struct KeyIdKind, 8>;
using Nonce = base::FixedBytes<struct NonceKind, 32>;
using Mac = base::FixedBytes<struct MacKind, 32>;  // HMAC-SHA-256

// The versions of the protocol that this relay speaks.
inline constexpr std::uint16_t kPeerProtocolMin = 1;
inline constexpr std::uint16_t kPeerProtocolMax = 1;

// Bits of Hello::features; both sides use what both have.
inline constexpr std::uint64_t kFeatureZstd = 1;

enum class Topology : std::uint8_t { shared = 1, replicated = 2 };

inline constexpr std::size_t kMaxClusterName = 64;
inline constexpr std::size_t kMaxPeerAddress = 255;
inline constexpr std::size_t kMaxSoftware = 64;
inline constexpr std::size_t kMaxLogId = 64;
inline constexpr std::size_t kMaxErrorText = 512;
inline constexpr std::size_t kMaxListedPeers = 256;
// What every relay must read in one frame: a full batch, a full list of peers.
inline constexpr std::uint32_t kLeastMaxFrame = 128u << 10;

struct Hello {
    std::uint16_t protocol_min = kPeerProtocolMin;
    std::uint16_t protocol_max = kPeerProtocolMax;
    std::uint64_t features = 0;
    std::string cluster;
    base::NodeId node;
    std::uint64_t boot = 0;  // grows with each start of the node
    std::string address;     // "host:port" by which others reach it
    std::string software;    // its version, for people
    Topology topology = Topology::replicated;
    std::string log_id;  // names the database whose positions the events carry
    KeyId key;           // of the shared key that the MACs are made with
    Nonce nonce;
    std::uint32_t heartbeat_ms = 1000;
    std::uint32_t max_frame = 1u << 20;  // that it reads
    friend bool operator==(const Hello&, const Hello&) = default;
};
[[nodiscard]] std::string encode_hello(const Hello& hello);
[[nodiscard]] std::optional<Hello> parse_hello(std::string_view payload);

// The acceptor's answer: its own Hello, and the version chosen. The MAC stands first, so that what
// it covers is the rest of the payload.
struct HelloAck {
    Mac mac;
    std::uint16_t protocol = kPeerProtocolMax;
    Hello hello;
    friend bool operator==(const HelloAck&, const HelloAck&) = default;
};
[[nodiscard]] std::string encode_hello_ack(const HelloAck& ack);
[[nodiscard]] std::optional<HelloAck> parse_hello_ack(std::string_view payload);
// The part of a HELLO_ACK payload that its MAC covers.
[[nodiscard]] std::string_view authenticated_part(std::string_view hello_ack_payload) noexcept;

// AUTH carries a Mac and nothing else; AUTH_OK nothing.
[[nodiscard]] std::string encode_auth(const Mac& mac);
[[nodiscard]] std::optional<Mac> parse_auth(std::string_view payload);

enum class PeerErrorCode : std::uint16_t {
    bad_cluster = 1,
    bad_log = 2,
    auth = 3,
    duplicate_node = 4,  // another live relay has this node id
    protocol = 5,
    overload = 6,
    self = 7,            // dialled itself
    duplicate_link = 8,  // the pair has a better link already
};
[[nodiscard]] std::string_view to_text(PeerErrorCode code) noexcept;
struct PeerError {
    PeerErrorCode code = PeerErrorCode::protocol;
    std::string text;
    std::uint32_t retry_after_seconds = 0;
    friend bool operator==(const PeerError&, const PeerError&) = default;
};
[[nodiscard]] std::string encode_error(const PeerError& error);
[[nodiscard]] std::optional<PeerError> parse_error(std::string_view payload);

enum class PeerState : std::uint8_t { known = 0, up = 1, suspect = 2, down = 3, left = 4 };
[[nodiscard]] std::string_view to_text(PeerState state) noexcept;

struct ListedPeer {
    base::NodeId node;
    std::uint64_t boot = 0;
    std::string address;
    PeerState state = PeerState::known;
    friend bool operator==(const ListedPeer&, const ListedPeer&) = default;
};
[[nodiscard]] std::string encode_peers(const std::vector<ListedPeer>& peers);
[[nodiscard]] std::optional<std::vector<ListedPeer>> parse_peers(std::string_view payload);

// Times are microseconds of the sender's steady clock, which mean nothing to anybody else: the
// receiver sends them back, with how long it held them, and the sender knows the round trip.
struct Heartbeat {
    std::uint64_t sent_us = 0;
    std::uint64_t echo_us = 0;       // the last sent_us of the other side; 0: none yet
    std::uint32_t echo_hold_us = 0;  // since that one came
    std::uint64_t view_version = 0;  // grows with each change of `up`
    std::vector<base::NodeId> up;    // peers that the sender has a live link with
    struct LaneState {
        std::uint64_t queued_bytes = 0;
        bool gapped = false;
        friend bool operator==(const LaneState&, const LaneState&) = default;
    };
    std::array<LaneState, kLanes> lanes;
    std::uint32_t connections = 0;
    std::uint32_t subscriptions = 0;
    friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};
[[nodiscard]] std::string encode_heartbeat(const Heartbeat& heartbeat);
[[nodiscard]] std::optional<Heartbeat> parse_heartbeat(std::string_view payload);

// An event as it stands in a batch. Encoded once, and shared by the links to all peers:
// id 32 | u8 flags (none yet) | u64 position | u32 length | JSON
inline constexpr std::size_t kBatchedEventBytes = 32 + 1 + 8 + 4;  // before the JSON
[[nodiscard]] std::string encode_batched_event(const base::Id& id, base::Position position,
                                               std::string_view json);

// The payload of EVENT_BATCH: this, then `events` of the above.
struct BatchHead {
    std::uint64_t origin_boot = 0;
    std::uint32_t log_timeline = 0;  // of the origin's database; 0: none
    std::uint32_t age_us = 0;        // of the oldest event, from its commit to this frame
    std::uint16_t events = 0;
    friend bool operator==(const BatchHead&, const BatchHead&) = default;
};
inline constexpr std::size_t kBatchHeadBytes = 8 + 4 + 4 + 2;
void append_batch_head(std::string& out, const BatchHead& head);

struct BatchedEvent {
    base::Id id;              // as claimed: to be compared with the event's own
    base::Position position;  // seq 0: ephemeral
    std::string_view json;
};
struct EventBatch {
    BatchHead head;
    std::vector<BatchedEvent> events;  // views into the payload
};
[[nodiscard]] std::optional<EventBatch> parse_event_batch(std::string_view payload);

// A lane was full, and what waited in it was dropped.
struct Gap {
    std::uint64_t dropped = 0;
    base::Position first;  // lowest and highest position among them; 0: none had one
    base::Position last;
    friend bool operator==(const Gap&, const Gap&) = default;
};
[[nodiscard]] std::string encode_gap(const Gap& gap);
[[nodiscard]] std::optional<Gap> parse_gap(std::string_view payload);

// The receiver has worked through so much of the frame's lane.
struct Ack {
    std::uint64_t events = 0;  // since the link began
    std::uint64_t bytes = 0;   // of their payloads
    friend bool operator==(const Ack&, const Ack&) = default;
};
[[nodiscard]] std::string encode_ack(const Ack& ack);
[[nodiscard]] std::optional<Ack> parse_ack(std::string_view payload);

enum class GoodbyeReason : std::uint8_t { shutdown = 1, drain = 2, upgrade = 3 };
struct Goodbye {
    GoodbyeReason reason = GoodbyeReason::shutdown;
    std::uint32_t grace_ms = 0;
    friend bool operator==(const Goodbye&, const Goodbye&) = default;
};
[[nodiscard]] std::string encode_goodbye(const Goodbye& goodbye);
[[nodiscard]] std::optional<Goodbye> parse_goodbye(std::string_view payload);

}  // namespace parrhesia::protocol
