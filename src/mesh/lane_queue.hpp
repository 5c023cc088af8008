// Events that wait for one peer, in one lane: bounded in bytes, and honest about what it drops.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/position.hpp"
#include "parrhesia/protocol/peer_message.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace parrhesia::mesh {

// An event as the mesh sends it; made once, and shared by the queues of all peers.
struct OutgoingEvent {
    std::string bytes;  // protocol::encode_batched_event()
    protocol::Lane lane = protocol::Lane::generic;
    base::Position position;
    base::SteadyTime published_at;  // when it was committed, or taken if it is ephemeral
};
using OutgoingPtr = std::shared_ptr<const OutgoingEvent>;

// What a lane does with an event that does not fit. Stored events: it drops all that waits, and
// says so in one GAP, because a hole is repaired as a whole; then it takes nothing until the peer
// has caught up. Ephemeral ones: the oldest go, and those that are too old to matter.
struct LaneBounds {
    std::size_t bytes = std::size_t{32} << 20;
    std::size_t events = std::size_t{64} << 10;
    std::chrono::milliseconds expiry{0};  // 0: never; else the lane drops its oldest
};

struct LaneDrops {
    std::uint64_t overflow = 0;
    std::uint64_t expired = 0;
    std::uint64_t cut_off = 0;  // waited when the link ended, or were not acknowledged
};

// Invariant: bytes() <= bounds.bytes and size() <= bounds.events.
class LaneQueue {
  public:
    explicit LaneQueue(LaneBounds bounds) : bounds_(bounds) {}

    // Drops, and counts, what does not fit.
    void push(OutgoingPtr event);
    // The next that is still worth sending, without taking it; null: none.
    [[nodiscard]] const OutgoingEvent* front(base::SteadyTime now);
    void pop();
    [[nodiscard]] std::deque<OutgoingPtr> take_all();
    // Ends the gap: the peer is to be told this, then the lane takes events again.
    [[nodiscard]] std::optional<protocol::Gap> take_gap();

    [[nodiscard]] bool empty() const noexcept { return events_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] bool is_gapped() const noexcept { return gap_.has_value(); }
    [[nodiscard]] const LaneDrops& drops() const noexcept { return drops_; }
    // Puts what another queue holds in front of nothing: this one must be empty.
    void adopt(LaneQueue&& other);

  private:
    [[nodiscard]] bool fits(const OutgoingEvent& event) const noexcept;
    void widen_gap(const OutgoingEvent& event);

    const LaneBounds bounds_;
    std::deque<OutgoingPtr> events_;
    std::size_t bytes_ = 0;
    std::optional<protocol::Gap> gap_;
    LaneDrops drops_;
};

}  // namespace parrhesia::mesh
