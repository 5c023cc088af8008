#include "mesh/link.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace parrhesia::mesh {
namespace {

using protocol::Lane;
using protocol::PeerErrorCode;
using protocol::PeerFrameType;

// A DNS name of the certificate is the node's id, or begins with it as a label of its own.
bool names_node(const std::vector<std::string>& names, const base::NodeId& node) {
    const std::string id = base::to_hex(node);
    return std::ranges::any_of(
        names, [&id](const std::string& name) { return name == id || name.starts_with(id + "."); });
}

}  // namespace

std::string_view to_text(LinkEnd end) noexcept {
    switch (end) {
        case LinkEnd::none:
            return "none";
        case LinkEnd::transport:
            return "connection lost";
        case LinkEnd::refused_by_us:
            return "refused";
        case LinkEnd::refused_by_peer:
            return "refused by the peer";
        case LinkEnd::protocol_error:
            return "protocol error";
        case LinkEnd::handshake_timeout:
            return "handshake timed out";
        case LinkEnd::silent:
            return "silent";
        case LinkEnd::replaced:
            return "replaced";
        case LinkEnd::left:
            return "left";
        case LinkEnd::shutdown:
            return "shutdown";
        case LinkEnd::overflow:
            return "control queue full";
    }
    return "unknown";
}

Link::Link(std::uint64_t number, Side side, const LinkOptions& options, Channel channel,
           const protocol::Nonce& nonce, base::SteadyTime now, LinkListener& listener)
    : number_(number),
      side_(side),
      options_(options),
      channel_(std::move(channel)),
      began_(now),
      listener_(listener),
      self_(options.self),
      expecting_(side == Side::dialler ? Expecting::hello_ack : Expecting::hello),
      reader_(options.checksums),
      writer_(options.checksums),
      lanes_{OutLane(options.lanes[0]), OutLane(options.lanes[1]), OutLane(options.lanes[2]),
             OutLane(options.lanes[3])},
      last_heard_(now),
      heartbeat_(options.heartbeat),
      suspect_after_(options.suspect),
      dead_after_(options.dead),
      next_heartbeat_(now) {
    self_.nonce = nonce;
    self_.key = options.keyring->primary().id;
}

void Link::start() {
    if (side_ != Side::dialler) return;
    hello_payload_ = protocol::encode_hello(self_);
    queue_control(PeerFrameType::hello, hello_payload_);
}

// ---- what comes in ----

void Link::on_bytes(std::span<const std::uint8_t> bytes, base::SteadyTime now) {
    if (state_ == State::ended) return;
    counters_.bytes_received += bytes.size();
    if (state_ == State::handshake) {
        unauthenticated_bytes_ += bytes.size();
        // A dialler waits for AUTH_OK. What an acceptor sends behind that may come with it.
        if (side_ == Side::acceptor &&
            unauthenticated_bytes_ > 2 * protocol::kHandshakeFrameBytes) {
            return violate("too many bytes before it is authenticated");
        }
    }
    reader_.append(bytes);
    while (state_ != State::ended) {
        const auto frame = reader_.next();
        if (!frame) break;
        on_frame(*frame, now);
    }
    if (state_ != State::ended && reader_.error() != protocol::PeerFrameError::none) {
        violate(protocol::to_text(reader_.error()));
    }
}

void Link::on_frame(const protocol::PeerFrame& frame, base::SteadyTime now) {
    last_heard_ = now;
    suspect_ = false;
    if (frame.type == PeerFrameType::error) {
        on_error(frame);
    } else if (state_ == State::handshake) {
        on_handshake_frame(frame);
    } else {
        on_control_frame(frame, now);
    }
}

void Link::on_handshake_frame(const protocol::PeerFrame& frame) {
    if (frame.type == PeerFrameType::hello && expecting_ == Expecting::hello) {
        on_hello(frame);
    } else if (frame.type == PeerFrameType::hello_ack && expecting_ == Expecting::hello_ack) {
        on_hello_ack(frame);
    } else if (frame.type == PeerFrameType::auth && expecting_ == Expecting::auth) {
        on_auth(frame);
    } else if (frame.type == PeerFrameType::auth_ok && expecting_ == Expecting::auth_ok) {
        go_up();
    } else {
        violate("a frame that does not belong to this step of the handshake");
    }
}

// What must be the same on both sides before keys are looked at: the error names which is not.
bool Link::is_compatible(const protocol::Hello& peer) {
    const auto refuse_with = [this](PeerErrorCode code, std::string text, std::uint32_t after) {
        refuse(LinkEnd::refused_by_us, {code, std::move(text), after});
        return false;
    };
    if (peer.protocol_max < self_.protocol_min || peer.protocol_min > self_.protocol_max ||
        peer.protocol_min > peer.protocol_max) {
        return refuse_with(PeerErrorCode::protocol,
                           "no common protocol version: " + std::to_string(peer.protocol_min) +
                               " to " + std::to_string(peer.protocol_max) + " there, " +
                               std::to_string(self_.protocol_min) + " to " +
                               std::to_string(self_.protocol_max) + " here",
                           60);
    }
    if (peer.max_frame < protocol::kLeastMaxFrame) {
        return refuse_with(PeerErrorCode::protocol,
                           "frames of " + std::to_string(protocol::kLeastMaxFrame) +
                               " bytes must be read (cluster.max_frame_bytes)",
                           60);
    }
    if (peer.cluster != self_.cluster) {
        return refuse_with(PeerErrorCode::bad_cluster,
                           "this is cluster \"" + self_.cluster + "\" (cluster.name)", 60);
    }
    if (peer.topology != self_.topology || peer.log_id != self_.log_id) {
        return refuse_with(PeerErrorCode::bad_log,
                           "this relay works on another database or topology (postgres.connection, "
                           "cluster.topology)",
                           60);
    }
    if (channel_.certified && !names_node(*channel_.certified, peer.node)) {
        return refuse_with(PeerErrorCode::auth,
                           "the certificate shown here does not name node " +
                               base::to_hex(peer.node) + " (cluster.cert_file)",
                           60);
    }
    if (peer.node == self_.node) {
        if (peer.boot == self_.boot) {
            return refuse_with(PeerErrorCode::self, "this is the same relay", 0);
        }
        return refuse_with(PeerErrorCode::duplicate_node,
                           "this relay has the same node id " + base::to_hex(self_.node) +
                               ": remove node_id from the data folder of a copied relay",
                           60);
    }
    return true;
}

void Link::on_hello(const protocol::PeerFrame& frame) {
    const auto hello = protocol::parse_hello(frame.payload);
    if (!hello) return violate("malformed HELLO");
    if (!is_compatible(*hello)) return;
    const SharedKey* key = options_.keyring->find(hello->key);
    if (key == nullptr) {
        return refuse(
            LinkEnd::refused_by_us,
            {PeerErrorCode::auth, "the shared key is not known here (cluster.psk_file)", 60});
    }
    hello_payload_ = frame.payload;
    claimed_ = *hello;
    version_ = std::min(hello->protocol_max, self_.protocol_max);
    features_ = hello->features & self_.features;

    self_.key = hello->key;
    protocol::HelloAck ack;
    ack.protocol = version_;
    ack.hello = self_;
    std::string payload = protocol::encode_hello_ack(ack);
    const std::string covered(protocol::authenticated_part(payload));
    ack.mac =
        handshake_mac(*key, HandshakeRole::acceptor, channel_.exporter, hello_payload_, covered);
    expected_auth_ =
        handshake_mac(*key, HandshakeRole::dialler, channel_.exporter, hello_payload_, covered);
    queue_control(PeerFrameType::hello_ack, protocol::encode_hello_ack(ack));
    expecting_ = Expecting::auth;
}

void Link::on_hello_ack(const protocol::PeerFrame& frame) {
    const auto ack = protocol::parse_hello_ack(frame.payload);
    if (!ack) return violate("malformed HELLO_ACK");
    // The key is checked first: nothing else of an impostor's answer is worth a word.
    const SharedKey* key = options_.keyring->find(ack->hello.key);
    const std::string_view covered = protocol::authenticated_part(frame.payload);
    if (key == nullptr || ack->hello.key != self_.key ||
        !equal(ack->mac, handshake_mac(*key, HandshakeRole::acceptor, channel_.exporter,
                                       hello_payload_, covered))) {
        return refuse(LinkEnd::refused_by_us,
                      {PeerErrorCode::auth, "the proof of the shared key is wrong", 60});
    }
    if (!is_compatible(ack->hello)) return;
    if (ack->protocol < self_.protocol_min || ack->protocol > self_.protocol_max) {
        return violate("HELLO_ACK chose a version that was not offered");
    }
    version_ = ack->protocol;
    features_ = ack->hello.features & self_.features;
    peer_ = ack->hello;
    if (const auto error = listener_.admit(*this, peer_)) {
        return refuse(error->code == PeerErrorCode::duplicate_link ? LinkEnd::replaced
                                                                   : LinkEnd::refused_by_us,
                      *error);
    }
    if (state_ != State::handshake) return;
    queue_control(PeerFrameType::auth,
                  protocol::encode_auth(handshake_mac(*key, HandshakeRole::dialler,
                                                      channel_.exporter, hello_payload_, covered)));
    expecting_ = Expecting::auth_ok;
}

void Link::on_auth(const protocol::PeerFrame& frame) {
    const auto mac = protocol::parse_auth(frame.payload);
    if (!mac) return violate("malformed AUTH");
    if (!equal(*mac, *expected_auth_)) {
        return refuse(LinkEnd::refused_by_us,
                      {PeerErrorCode::auth, "the proof of the shared key is wrong", 60});
    }
    peer_ = std::move(claimed_);
    if (const auto error = listener_.admit(*this, peer_)) {
        return refuse(error->code == PeerErrorCode::duplicate_link ? LinkEnd::replaced
                                                                   : LinkEnd::refused_by_us,
                      *error);
    }
    if (state_ != State::handshake) return;
    queue_control(PeerFrameType::auth_ok, {});
    go_up();
}

void Link::go_up() {
    state_ = State::up;
    expecting_ = Expecting::anything;
    reader_.allow(self_.max_frame);
    agree_on_heartbeat();
    next_heartbeat_ = base::SteadyTime::min();  // at the next output or tick
    listener_.on_up(*this);
}

// Who speaks rarely is not to be taken for dead by who would speak often.
void Link::agree_on_heartbeat() {
    constexpr std::chrono::milliseconds kLongest{60'000};
    const std::chrono::milliseconds theirs(peer_.heartbeat_ms);
    if (theirs <= heartbeat_) return;
    const double slower = static_cast<double>(std::min(theirs, kLongest).count()) /
                          static_cast<double>(std::max<std::int64_t>(heartbeat_.count(), 1));
    if (slower <= 1) return;
    const auto stretched = [slower](std::chrono::milliseconds time) {
        return std::chrono::milliseconds(
            static_cast<std::int64_t>(static_cast<double>(time.count()) * slower));
    };
    heartbeat_ = stretched(heartbeat_);
    suspect_after_ = stretched(suspect_after_);
    dead_after_ = stretched(dead_after_);
}

void Link::on_error(const protocol::PeerFrame& frame) {
    const auto error = protocol::parse_error(frame.payload);
    if (!error) return violate("malformed ERROR");
    code_ = error->code;
    retry_after_ = std::chrono::seconds(error->retry_after_seconds);
    finish(
        error->code == PeerErrorCode::duplicate_link ? LinkEnd::replaced : LinkEnd::refused_by_peer,
        error->text);
}

void Link::on_control_frame(const protocol::PeerFrame& frame, base::SteadyTime now) {
    switch (frame.type) {
        case PeerFrameType::event_batch: {
            const auto batch = protocol::parse_event_batch(frame.payload);
            if (!batch || frame.lane == Lane::control) return violate("malformed EVENT_BATCH");
            counters_.events_received += batch->events.size();
            return listener_.on_batch(*this, frame.lane, *batch, frame.payload.size());
        }
        case PeerFrameType::heartbeat:
            return on_heartbeat(frame, now);
        case PeerFrameType::ack:
            return on_ack(frame);
        case PeerFrameType::peers: {
            const auto peers = protocol::parse_peers(frame.payload);
            if (!peers) return violate("malformed PEERS");
            return listener_.on_peers(*this, *peers);
        }
        case PeerFrameType::gap: {
            const auto gap = protocol::parse_gap(frame.payload);
            if (!gap) return violate("malformed GAP");
            return listener_.on_gap(*this, frame.lane, *gap);
        }
        case PeerFrameType::goodbye: {
            if (!protocol::parse_goodbye(frame.payload)) return violate("malformed GOODBYE");
            if (state_ != State::up) return;
            // What the peer still has for us comes before it closes.
            state_ = State::closing;
            end_ = LinkEnd::left;
            return listener_.on_left(*this);
        }
        default:
            return violate("a handshake frame on a link that is up");
    }
}

void Link::on_heartbeat(const protocol::PeerFrame& frame, base::SteadyTime now) {
    const auto heartbeat = protocol::parse_heartbeat(frame.payload);
    if (!heartbeat) return violate("malformed HEARTBEAT");
    peer_sent_us_ = heartbeat->sent_us;
    peer_sent_at_ = now;
    const std::uint64_t here = microseconds(now);
    const std::uint64_t away = heartbeat->echo_us + heartbeat->echo_hold_us;
    if (heartbeat->echo_us != 0 && away <= here) {
        const std::chrono::microseconds sample(static_cast<std::int64_t>(here - away));
        round_trip_ = round_trip_.count() == 0 ? sample : (round_trip_ * 7 + sample) / 8;
    }
    listener_.on_heartbeat(*this, *heartbeat);
}

void Link::on_ack(const protocol::PeerFrame& frame) {
    const auto ack = protocol::parse_ack(frame.payload);
    OutLane& lane = out_lane(frame.lane);
    if (!ack || ack->bytes < lane.acknowledged_bytes || ack->bytes > lane.sent_bytes ||
        ack->events < lane.acknowledged_events || ack->events > lane.sent_events) {
        return violate("an ACK for what was not sent");
    }
    lane.acknowledged_bytes = ack->bytes;
    lane.acknowledged_events = ack->events;
    if (wants_output()) listener_.on_output(*this);
}

void Link::on_tick(base::SteadyTime now) {
    if (state_ == State::ended) return;
    if (state_ == State::handshake) {
        if (now - began_ > options_.handshake) finish(LinkEnd::handshake_timeout, {});
        return;
    }
    const auto silence = now - last_heard_;
    if (silence > dead_after_) return finish(LinkEnd::silent, {});
    suspect_ = silence > suspect_after_;
    if (state_ == State::up && now >= next_heartbeat_) queue_heartbeat(now);
}

void Link::on_closed(std::string_view why) {
    if (state_ == State::ended) return;
    if (end_ == LinkEnd::none) {
        end_ = LinkEnd::transport;
        detail_ = why;
    }
    state_ = State::ended;
}

// ---- what the node asks for ----

void Link::enqueue(const OutgoingPtr& event) {
    if (state_ != State::up) return;
    const std::size_t overhead =
        protocol::kPeerHeaderBytes + protocol::kBatchHeadBytes + protocol::kPeerChecksumBytes;
    if (event->bytes.size() + overhead > peer_.max_frame) {
        ++counters_.too_large;
        return;
    }
    out_lane(event->lane).queue.push(event);
    listener_.on_output(*this);
}

void Link::acknowledge(Lane lane_name, std::size_t events, std::size_t bytes) {
    OutLane& lane = out_lane(lane_name);
    lane.worked.events += events;
    lane.worked.bytes += bytes;
    lane.owes_ack = true;
    // Also while it closes: who leaves may wait for this to send the rest.
    if (state_ != State::ended) listener_.on_output(*this);
}

void Link::queue_control(PeerFrameType type, std::string payload, Lane lane) {
    control_bytes_ += payload.size();
    control_.push_back({type, lane, std::move(payload)});
    if (control_bytes_ > options_.lanes[0].bytes || control_.size() > options_.lanes[0].events) {
        control_.clear();
        control_bytes_ = 0;
        finish(LinkEnd::overflow, "the peer does not read");
        return;
    }
    listener_.on_output(*this);
}

void Link::queue_heartbeat(base::SteadyTime now) {
    next_heartbeat_ = now + heartbeat_;
    protocol::Heartbeat heartbeat = view_;
    heartbeat.sent_us = microseconds(now);
    if (peer_sent_us_ != 0) {
        heartbeat.echo_us = peer_sent_us_;
        const auto held =
            std::chrono::duration_cast<std::chrono::microseconds>(now - peer_sent_at_);
        heartbeat.echo_hold_us =
            static_cast<std::uint32_t>(std::clamp<std::int64_t>(held.count(), 0, UINT32_MAX));
    }
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        heartbeat.lanes[i] = {lanes_[i].queue.bytes(), lanes_[i].queue.is_gapped()};
    }
    queue_control(PeerFrameType::heartbeat, protocol::encode_heartbeat(heartbeat));
}

void Link::send_peers(const std::vector<protocol::ListedPeer>& peers) {
    if (state_ == State::up) queue_control(PeerFrameType::peers, protocol::encode_peers(peers));
}

void Link::send_goodbye(protocol::GoodbyeReason reason, std::chrono::milliseconds grace) {
    if (state_ != State::up) return finish(LinkEnd::shutdown, {});
    queue_control(PeerFrameType::goodbye,
                  protocol::encode_goodbye({reason, static_cast<std::uint32_t>(grace.count())}));
    if (state_ != State::up) return;
    state_ = State::closing;
    end_ = LinkEnd::shutdown;
}

void Link::set_view(std::uint64_t version, std::vector<base::NodeId> up, std::uint32_t connections,
                    std::uint32_t subscriptions) {
    // A peer learns of a change at once, and not with the next heartbeat.
    if (version != view_.view_version) next_heartbeat_ = base::SteadyTime::min();
    view_.view_version = version;
    view_.up = std::move(up);
    view_.connections = connections;
    view_.subscriptions = subscriptions;
}

void Link::refuse(LinkEnd end, const protocol::PeerError& error) {
    if (state_ == State::ended || state_ == State::closing) return;
    const bool was_up = state_ == State::up;
    end_ = end;
    detail_ = error.text;
    code_ = error.code;
    retry_after_ = std::chrono::seconds(error.retry_after_seconds);
    queue_control(PeerFrameType::error, protocol::encode_error(error));
    // On a link that was up, events of the peer may still be on their way.
    state_ = was_up ? State::closing : State::ended;
}

void Link::violate(std::string_view what) {
    refuse(LinkEnd::protocol_error, {PeerErrorCode::protocol, std::string(what), 0});
    state_ = State::ended;  // nothing after the broken byte can be trusted
}

void Link::finish(LinkEnd end, std::string_view detail) {
    if (state_ == State::ended) return;
    if (end_ == LinkEnd::none) {
        end_ = end;
        detail_ = detail;
    }
    state_ = State::ended;
    listener_.on_output(*this);
}

void Link::forgive(std::chrono::milliseconds pause) noexcept { last_heard_ += pause; }

void Link::adopt_queues(Link& other) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        lanes_[i].queue.adopt(std::move(other.lanes_[i].queue));
    }
    listener_.on_output(*this);
}

std::uint64_t Link::microseconds(base::SteadyTime time) const noexcept {
    // From 1, because 0 says "none".
    return 1 + static_cast<std::uint64_t>(
                   std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch())
                       .count());
}

}  // namespace parrhesia::mesh
