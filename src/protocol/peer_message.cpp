#include "parrhesia/protocol/peer_message.hpp"

#include "protocol/big_endian.hpp"

#include <algorithm>
#include <utility>

namespace parrhesia::protocol {
namespace {

constexpr std::string_view kMagic = "NRC1";

void append_hello(std::string& out, const Hello& hello) {
    out += kMagic;
    append_number(out, hello.protocol_min);
    append_number(out, hello.protocol_max);
    append_number(out, hello.features);
    append_text(out, hello.cluster, kMaxClusterName);
    out += hello.node.view();
    append_number(out, hello.boot);
    append_text(out, hello.address, kMaxPeerAddress);
    append_text(out, hello.software, kMaxSoftware);
    append_number(out, static_cast<std::uint8_t>(hello.topology));
    append_text(out, hello.log_id, kMaxLogId);
    out += hello.key.view();
    out += hello.nonce.view();
    append_number(out, hello.heartbeat_ms);
    append_number(out, hello.max_frame);
}

Hello read_hello(PayloadReader& in) {
    Hello hello;
    if (in.bytes(kMagic.size()) != kMagic) in.fail();
    hello.protocol_min = in.number<std::uint16_t>();
    hello.protocol_max = in.number<std::uint16_t>();
    hello.features = in.number<std::uint64_t>();
    hello.cluster = in.text(kMaxClusterName);
    hello.node = in.fixed<base::NodeId>();
    hello.boot = in.number<std::uint64_t>();
    hello.address = in.text(kMaxPeerAddress);
    hello.software = in.text(kMaxSoftware);
    const auto topology = in.number<std::uint8_t>();
    hello.topology = static_cast<Topology>(topology);
    if (topology != static_cast<std::uint8_t>(Topology::shared) &&
        topology != static_cast<std::uint8_t>(Topology::replicated)) {
        in.fail();
    }
    hello.log_id = in.text(kMaxLogId);
    hello.key = in.fixed<KeyId>();
    hello.nonce = in.fixed<Nonce>();
    hello.heartbeat_ms = in.number<std::uint32_t>();
    hello.max_frame = in.number<std::uint32_t>();
    return hello;
}

// What was read, if all of it was there and nothing else but extensions follows.
template <class Message>
std::optional<Message> finished(PayloadReader& in, Message message) {
    in.skip_extensions();
    if (!in.ok()) return std::nullopt;
    return message;
}

}  // namespace

std::string encode_hello(const Hello& hello) {
    std::string out;
    append_hello(out, hello);
    return out;
}

std::optional<Hello> parse_hello(std::string_view payload) {
    PayloadReader in(payload);
    return finished(in, read_hello(in));
}

std::string encode_hello_ack(const HelloAck& ack) {
    std::string out(ack.mac.view());
    append_number(out, ack.protocol);
    append_hello(out, ack.hello);
    return out;
}

std::optional<HelloAck> parse_hello_ack(std::string_view payload) {
    PayloadReader in(payload);
    HelloAck ack;
    ack.mac = in.fixed<Mac>();
    ack.protocol = in.number<std::uint16_t>();
    ack.hello = read_hello(in);
    return finished(in, std::move(ack));
}

std::string_view authenticated_part(std::string_view hello_ack_payload) noexcept {
    return hello_ack_payload.substr(std::min(Mac::kSize, hello_ack_payload.size()));
}

std::string encode_auth(const Mac& mac) { return std::string(mac.view()); }

std::optional<Mac> parse_auth(std::string_view payload) {
    PayloadReader in(payload);
    return finished(in, in.fixed<Mac>());
}

std::string encode_error(const PeerError& error) {
    std::string out;
    append_number(out, static_cast<std::uint16_t>(error.code));
    append_text(out, error.text, kMaxErrorText);
    append_number(out, error.retry_after_seconds);
    return out;
}

std::optional<PeerError> parse_error(std::string_view payload) {
    PayloadReader in(payload);
    PeerError error;
    // A code that a later version brings is still an error.
    error.code = static_cast<PeerErrorCode>(in.number<std::uint16_t>());
    error.text = in.text(kMaxErrorText);
    error.retry_after_seconds = in.number<std::uint32_t>();
    return finished(in, std::move(error));
}

std::string_view to_text(PeerErrorCode code) noexcept {
    switch (code) {
        case PeerErrorCode::bad_cluster:
            return "bad_cluster";
        case PeerErrorCode::bad_log:
            return "bad_log";
        case PeerErrorCode::auth:
            return "auth";
        case PeerErrorCode::duplicate_node:
            return "duplicate_node";
        case PeerErrorCode::protocol:
            return "protocol";
        case PeerErrorCode::overload:
            return "overload";
        case PeerErrorCode::self:
            return "self";
        case PeerErrorCode::duplicate_link:
            return "duplicate_link";
    }
    return "unknown";
}

std::string_view to_text(PeerState state) noexcept {
    switch (state) {
        case PeerState::known:
            return "known";
        case PeerState::up:
            return "up";
        case PeerState::suspect:
            return "suspect";
        case PeerState::down:
            return "down";
        case PeerState::left:
            return "left";
    }
    return "unknown";
}

std::string encode_peers(const std::vector<ListedPeer>& peers) {
    std::string out;
    const std::size_t count = std::min(peers.size(), kMaxListedPeers);
    append_number(out, static_cast<std::uint16_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
        out += peers[i].node.view();
        append_number(out, peers[i].boot);
        append_text(out, peers[i].address, kMaxPeerAddress);
        append_number(out, static_cast<std::uint8_t>(peers[i].state));
    }
    return out;
}

std::optional<std::vector<ListedPeer>> parse_peers(std::string_view payload) {
    PayloadReader in(payload);
    std::vector<ListedPeer> peers;
    for (std::size_t left = in.count(kMaxListedPeers); left != 0 && in.ok(); --left) {
        ListedPeer& peer = peers.emplace_back();
        peer.node = in.fixed<base::NodeId>();
        peer.boot = in.number<std::uint64_t>();
        peer.address = in.text(kMaxPeerAddress);
        const auto state = in.number<std::uint8_t>();
        if (state > static_cast<std::uint8_t>(PeerState::left)) in.fail();
        peer.state = static_cast<PeerState>(state);
    }
    return finished(in, std::move(peers));
}

std::string encode_heartbeat(const Heartbeat& heartbeat) {
    std::string out;
    append_number(out, heartbeat.sent_us);
    append_number(out, heartbeat.echo_us);
    append_number(out, heartbeat.echo_hold_us);
    append_number(out, heartbeat.view_version);
    const std::size_t count = std::min(heartbeat.up.size(), kMaxListedPeers);
    append_number(out, static_cast<std::uint16_t>(count));
    for (std::size_t i = 0; i < count; ++i) out += heartbeat.up[i].view();
    for (const Heartbeat::LaneState& lane : heartbeat.lanes) {
        append_number(out, lane.queued_bytes);
        append_number(out, static_cast<std::uint8_t>(lane.gapped ? 1 : 0));
    }
    append_number(out, heartbeat.connections);
    append_number(out, heartbeat.subscriptions);
    return out;
}

std::optional<Heartbeat> parse_heartbeat(std::string_view payload) {
    PayloadReader in(payload);
    Heartbeat heartbeat;
    heartbeat.sent_us = in.number<std::uint64_t>();
    heartbeat.echo_us = in.number<std::uint64_t>();
    heartbeat.echo_hold_us = in.number<std::uint32_t>();
    heartbeat.view_version = in.number<std::uint64_t>();
    for (std::size_t left = in.count(kMaxListedPeers); left != 0 && in.ok(); --left) {
        heartbeat.up.push_back(in.fixed<base::NodeId>());
    }
    for (Heartbeat::LaneState& lane : heartbeat.lanes) {
        lane.queued_bytes = in.number<std::uint64_t>();
        const auto gapped = in.number<std::uint8_t>();
        if (gapped > 1) in.fail();
        lane.gapped = gapped == 1;
    }
    heartbeat.connections = in.number<std::uint32_t>();
    heartbeat.subscriptions = in.number<std::uint32_t>();
    return finished(in, std::move(heartbeat));
}

std::string encode_batched_event(const base::Id& id, base::Position position,
                                 std::string_view json) {
    std::string out;
    out.reserve(kBatchedEventBytes + json.size());
    out += id.view();
    append_number(out, std::uint8_t{0});
    append_number(out, position.seq);
    append_number(out, static_cast<std::uint32_t>(json.size()));
    out += json;
    return out;
}

void append_batch_head(std::string& out, const BatchHead& head) {
    append_number(out, head.origin_boot);
    append_number(out, head.log_timeline);
    append_number(out, head.age_us);
    append_number(out, head.events);
}

std::optional<EventBatch> parse_event_batch(std::string_view payload) {
    PayloadReader in(payload);
    EventBatch batch;
    batch.head.origin_boot = in.number<std::uint64_t>();
    batch.head.log_timeline = in.number<std::uint32_t>();
    batch.head.age_us = in.number<std::uint32_t>();
    batch.head.events = in.number<std::uint16_t>();
    // What cannot fit is not reserved for.
    if (!in.ok() || batch.head.events * kBatchedEventBytes > payload.size()) return std::nullopt;
    batch.events.reserve(batch.head.events);
    for (std::size_t left = batch.head.events; left != 0 && in.ok(); --left) {
        BatchedEvent& event = batch.events.emplace_back();
        event.id = in.fixed<base::Id>();
        static_cast<void>(in.number<std::uint8_t>());  // flags: none yet
        event.position.seq = in.number<std::uint64_t>();
        event.json = in.bytes(in.number<std::uint32_t>());
    }
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return batch;
}

std::string encode_gap(const Gap& gap) {
    std::string out;
    append_number(out, gap.dropped);
    append_number(out, gap.first.seq);
    append_number(out, gap.last.seq);
    return out;
}

std::optional<Gap> parse_gap(std::string_view payload) {
    PayloadReader in(payload);
    Gap gap;
    gap.dropped = in.number<std::uint64_t>();
    gap.first.seq = in.number<std::uint64_t>();
    gap.last.seq = in.number<std::uint64_t>();
    return finished(in, gap);
}

std::string encode_ack(const Ack& ack) {
    std::string out;
    append_number(out, ack.events);
    append_number(out, ack.bytes);
    return out;
}

std::optional<Ack> parse_ack(std::string_view payload) {
    PayloadReader in(payload);
    Ack ack;
    ack.events = in.number<std::uint64_t>();
    ack.bytes = in.number<std::uint64_t>();
    return finished(in, ack);
}

std::string encode_goodbye(const Goodbye& goodbye) {
    std::string out;
    append_number(out, static_cast<std::uint8_t>(goodbye.reason));
    append_number(out, goodbye.grace_ms);
    return out;
}

std::optional<Goodbye> parse_goodbye(std::string_view payload) {
    PayloadReader in(payload);
    Goodbye goodbye;
    // A reason that a later version brings is still a goodbye.
    goodbye.reason = static_cast<GoodbyeReason>(in.number<std::uint8_t>());
    goodbye.grace_ms = in.number<std::uint32_t>();
    return finished(in, goodbye);
}

}  // namespace parrhesia::protocol
