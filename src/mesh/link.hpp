// One connection with another relay of the cluster, as a state machine without I/O: bytes and time
// go in, bytes and calls come out. The transport moves the bytes; the node decides which link to a
// peer is kept.
//
//   dialler  HELLO →           ← HELLO_ACK           AUTH →            ← AUTH_OK
//            both up: PEERS, HEARTBEAT, EVENT_BATCH, GAP, ACK, in the end GOODBYE or ERROR
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/mesh/options.hpp"
#include "parrhesia/protocol/peer_frame.hpp"
#include "parrhesia/protocol/peer_message.hpp"

#include "mesh/channel.hpp"
#include "mesh/keyring.hpp"
#include "mesh/lane_queue.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::mesh {

// The same for all links of a node.
struct LinkOptions {
    protocol::Hello self;              // key and nonce are filled in by the link
    const Keyring* keyring = nullptr;  // outlives the links
    bool checksums = false;            // no TLS below
    std::chrono::milliseconds heartbeat{1000};
    std::chrono::milliseconds suspect{3000};  // of silence
    std::chrono::milliseconds dead{6000};
    std::chrono::milliseconds handshake{5000};
    std::array<LaneBounds, protocol::kLanes> lanes{
        LaneBounds{std::size_t{4} << 20, 1u << 16, {}},  // control: above it, the link ends
        LaneBounds{std::size_t{16} << 20, 1u << 15, {}},
        LaneBounds{std::size_t{32} << 20, 1u << 16, {}},
        LaneBounds{std::size_t{4} << 20, 1u << 13, std::chrono::milliseconds(5000)}};
    // Sent and not acknowledged, of one lane: what a peer whose fan-out is slow has to hold.
    std::size_t window = std::size_t{8} << 20;
    Compression compression = Compression::automatic;
};

// Why a link ended.
enum class LinkEnd : std::uint8_t {
    none,
    transport,      // the connection broke, or the other side closed it
    refused_by_us,  // `detail` and code say why
    refused_by_peer,
    protocol_error,
    handshake_timeout,
    silent,    // nothing heard for `dead`
    replaced,  // the pair has a better link
    left,      // the peer said GOODBYE
    shutdown,  // we did
    overflow,  // more control frames wait than the bound allows
};
[[nodiscard]] std::string_view to_text(LinkEnd end) noexcept;

class Link;

// What a link tells its node. Calls come from within on_bytes(), on_tick() and end(); the node may
// call the link, but not destroy it.
class LinkListener {
  public:
    virtual ~LinkListener() = default;
    // The other side has proved who it is. An error: it is refused with that.
    [[nodiscard]] virtual std::optional<protocol::PeerError> admit(Link& link,
                                                                   const protocol::Hello& peer) = 0;
    virtual void on_up(Link& link) = 0;
    virtual void on_peers(Link& link, const std::vector<protocol::ListedPeer>& peers) = 0;
    virtual void on_heartbeat(Link& link, const protocol::Heartbeat& heartbeat) = 0;
    // To be acknowledged by Link::acknowledge() once its events have been worked through. Views
    // into the link's buffer, valid during the call.
    virtual void on_batch(Link& link, protocol::Lane lane, const protocol::EventBatch& batch,
                          std::size_t bytes) = 0;
    virtual void on_gap(Link& link, protocol::Lane lane, const protocol::Gap& gap) = 0;
    // The peer said GOODBYE. It may still send events until it closes.
    virtual void on_left(Link& link) = 0;
    // It wants to send: the transport should ask for output().
    virtual void on_output(Link& link) = 0;
};

// What a link leaves to the one that replaces it.
struct Unsent {
    std::vector<OutgoingPtr> events;
    std::array<std::optional<protocol::Gap>, protocol::kLanes> gaps;
};

struct LinkCounters {
    std::uint64_t events_sent = 0;
    std::uint64_t events_received = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t batches_sent = 0;
    std::uint64_t too_large = 0;  // events above what the peer reads in one frame
};

// Threading: none of its own; the mesh's thread, or a test's.
// Invariant: of a dialler that is not authenticated, at most two frames of kHandshakeFrameBytes are
// read and one is answered; before the link is up no event leaves or is taken.
class Link {
  public:
    enum class Side : std::uint8_t { dialler, acceptor };
    enum class State : std::uint8_t {
        handshake,
        up,
        closing,  // one side leaves in order: what waits is still sent, or still taken
        ended,
    };
    Link(std::uint64_t number, Side side, const LinkOptions& options, Channel channel,
         const protocol::Nonce& nonce, base::SteadyTime now, LinkListener& listener);
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    // A dialler's first word. Apart from the constructor, so that the listener knows the link.
    void start();

    void on_bytes(std::span<const std::uint8_t> bytes, base::SteadyTime now);
    void on_tick(base::SteadyTime now);
    // The connection is no more.
    void on_closed(std::string_view why);

    // Appends what the connection should take next, about 128 KiB at most: control frames first,
    // then the lanes by their weights. Call it when all earlier output has left.
    void output(std::string& out, base::SteadyTime now);
    [[nodiscard]] bool wants_output() const noexcept;
    // Nothing will be written any more: the transport sends what it has, then closes.
    [[nodiscard]] bool is_done() const noexcept;

    void enqueue(const OutgoingPtr& event);
    void acknowledge(protocol::Lane lane, std::size_t events, std::size_t bytes);
    void send_peers(const std::vector<protocol::ListedPeer>& peers);
    void send_goodbye(protocol::GoodbyeReason reason, std::chrono::milliseconds grace);
    // The node's part of the next heartbeats.
    void set_view(std::uint64_t version, std::vector<base::NodeId> up, std::uint32_t connections,
                  std::uint32_t subscriptions);
    // Says ERROR, and ends.
    void refuse(LinkEnd end, const protocol::PeerError& error);
    // This node was not running for a while: its silence is not the peers'.
    void forgive(std::chrono::milliseconds pause) noexcept;
    // What waits in the other, which is about to end, shall go over this one.
    void adopt_queues(Link& other);
    // What waits in all lanes, which are empty then.
    [[nodiscard]] Unsent take_waiting();
    void resume(const Unsent& unsent);

    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
    [[nodiscard]] Side side() const noexcept { return side_; }
    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] bool is_suspect() const noexcept { return suspect_; }
    [[nodiscard]] const protocol::Hello& peer() const noexcept { return peer_; }  // authenticated
    [[nodiscard]] std::uint16_t version() const noexcept { return version_; }
    // Of the two intervals the longer; the limits of silence grow with it.
    [[nodiscard]] std::chrono::milliseconds heartbeat() const noexcept { return heartbeat_; }
    [[nodiscard]] std::chrono::microseconds round_trip() const noexcept { return round_trip_; }
    [[nodiscard]] base::SteadyTime last_heard() const noexcept { return last_heard_; }
    [[nodiscard]] const LaneQueue& lane(protocol::Lane lane) const noexcept {
        return lanes_[static_cast<std::size_t>(lane)].queue;
    }
    // Events that were sent, and of which the peer has not said that it is done with them.
    [[nodiscard]] std::uint64_t unacknowledged(protocol::Lane lane) const noexcept {
        const OutLane& out = lanes_[static_cast<std::size_t>(lane)];
        return out.sent_events - out.acknowledged_events;
    }
    [[nodiscard]] const LinkCounters& counters() const noexcept { return counters_; }
    // Once ended or closing:
    [[nodiscard]] LinkEnd end() const noexcept { return end_; }
    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
    [[nodiscard]] std::optional<protocol::PeerErrorCode> error_code() const noexcept {
        return code_;
    }

    // By either side's word; 0: as after any other failure.
    [[nodiscard]] std::chrono::seconds retry_after() const noexcept { return retry_after_; }

  private:
    enum class Expecting : std::uint8_t { hello, hello_ack, auth, auth_ok, anything };
    struct ControlFrame {
        protocol::PeerFrameType type{};
        protocol::Lane lane{};
        std::string payload;
    };
    struct OutLane {
        explicit OutLane(LaneBounds bounds) : queue(bounds) {}
        LaneQueue queue;
        std::uint64_t sent_bytes = 0;
        std::uint64_t acknowledged_bytes = 0;
        std::uint64_t sent_events = 0;
        std::uint64_t acknowledged_events = 0;
        // of what the peer has sent us
        protocol::Ack worked;
        bool owes_ack = false;
    };

    void on_frame(const protocol::PeerFrame& frame, base::SteadyTime now);
    void on_handshake_frame(const protocol::PeerFrame& frame);
    void on_control_frame(const protocol::PeerFrame& frame, base::SteadyTime now);
    void on_hello(const protocol::PeerFrame& frame);
    void on_hello_ack(const protocol::PeerFrame& frame);
    void on_auth(const protocol::PeerFrame& frame);
    void on_error(const protocol::PeerFrame& frame);
    void on_heartbeat(const protocol::PeerFrame& frame, base::SteadyTime now);
    void on_ack(const protocol::PeerFrame& frame);
    [[nodiscard]] bool is_compatible(const protocol::Hello& peer);
    void go_up();
    void agree_on_heartbeat();
    void violate(std::string_view what);
    void finish(LinkEnd end, std::string_view detail);
    void queue_control(protocol::PeerFrameType type, std::string payload,
                       protocol::Lane lane = protocol::Lane::control);
    void queue_heartbeat(base::SteadyTime now);
    void write_gaps(std::string& out);
    void write_acks(std::string& out);
    [[nodiscard]] bool write_batch(std::string& out, protocol::Lane lane, base::SteadyTime now);
    [[nodiscard]] bool may_send() const noexcept;
    [[nodiscard]] bool may_send(const OutLane& lane) const noexcept;
    [[nodiscard]] bool may_end_gap(const OutLane& lane) const noexcept;
    [[nodiscard]] std::uint64_t microseconds(base::SteadyTime time) const noexcept;
    OutLane& out_lane(protocol::Lane lane) noexcept {
        return lanes_[static_cast<std::size_t>(lane)];
    }

    // constant after construction
    const std::uint64_t number_;
    const Side side_;
    const LinkOptions& options_;
    const Channel channel_;
    const base::SteadyTime began_;
    LinkListener& listener_;
    protocol::Hello self_;

    State state_ = State::handshake;
    Expecting expecting_;
    bool suspect_ = false;
    std::size_t unauthenticated_bytes_ = 0;
    protocol::PeerFrameReader reader_;
    protocol::PeerFrameWriter writer_;
    std::string hello_payload_;  // the dialler's
    protocol::Hello claimed_;    // before it is proved
    std::optional<protocol::Mac> expected_auth_;
    protocol::Hello peer_;
    std::uint16_t version_ = 0;
    std::uint64_t features_ = 0;

    std::deque<ControlFrame> control_;
    std::size_t control_bytes_ = 0;
    std::array<OutLane, protocol::kLanes> lanes_;
    std::size_t turn_ = 0;  // in the sequence of weights

    base::SteadyTime last_heard_;
    std::chrono::milliseconds heartbeat_;
    std::chrono::milliseconds suspect_after_;
    std::chrono::milliseconds dead_after_;
    base::SteadyTime next_heartbeat_;
    std::uint64_t peer_sent_us_ = 0;
    base::SteadyTime peer_sent_at_;
    std::chrono::microseconds round_trip_{0};
    protocol::Heartbeat view_;

    LinkCounters counters_;
    LinkEnd end_ = LinkEnd::none;
    std::string detail_;
    std::optional<protocol::PeerErrorCode> code_;
    std::chrono::seconds retry_after_{0};
};

}  // namespace parrhesia::mesh
