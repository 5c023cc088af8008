// What a link sends next: control frames, then the lanes in turn, in batches of what waits.
#include "mesh/link.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

namespace parrhesia::mesh {
namespace {

using protocol::Lane;
using protocol::PeerFrameType;

// What one output() produces at most, but for the last frame of it. More would only fill the
// socket's buffer, where no priority helps any more.
constexpr std::size_t kOutputBytes = std::size_t{128} << 10;
constexpr std::size_t kBatchBytes = std::size_t{64} << 10;
constexpr std::uint16_t kBatchEvents = 256;
// Below it, compressing costs more time than the wire.
constexpr std::chrono::milliseconds kFarAway{10};
constexpr std::size_t kWorthCompressing = 4096;

// Turns of the lanes: marmot and generic 4 of 10 each, ephemeral 2.
constexpr std::array kTurns{Lane::marmot,    Lane::generic,  Lane::marmot,  Lane::generic,
                            Lane::ephemeral, Lane::marmot,   Lane::generic, Lane::marmot,
                            Lane::generic,   Lane::ephemeral};

}  // namespace

void Link::output(std::string& out, base::SteadyTime now) {
    const std::size_t before = out.size();
    if (state_ == State::up && now >= next_heartbeat_) queue_heartbeat(now);
    if (state_ != State::ended) {
        write_gaps(out);
        write_acks(out);
    }
    for (; !control_.empty(); control_.pop_front()) {
        const ControlFrame& frame = control_.front();
        control_bytes_ -= frame.payload.size();
        writer_.append(out, frame.type, frame.lane, frame.payload);
    }
    std::size_t idle_turns = 0;
    while (may_send() && out.size() - before < kOutputBytes && idle_turns < kTurns.size()) {
        idle_turns = write_batch(out, kTurns[turn_], now) ? 0 : idle_turns + 1;
        turn_ = (turn_ + 1) % kTurns.size();
    }
    counters_.bytes_sent += out.size() - before;
}

void Link::write_gaps(std::string& out) {
    if (!may_send()) return;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        OutLane& lane = lanes_[i];
        if (!may_end_gap(lane)) continue;
        if (const auto gap = lane.queue.take_gap()) {
            writer_.append(out, PeerFrameType::gap, static_cast<Lane>(i),
                           protocol::encode_gap(*gap));
        }
    }
}

void Link::write_acks(std::string& out) {
    if (state_ == State::handshake) return;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        if (!std::exchange(lanes_[i].owes_ack, false)) continue;
        writer_.append(out, PeerFrameType::ack, static_cast<Lane>(i),
                       protocol::encode_ack(lanes_[i].worked));
    }
}

// The last that a peer gets before we leave is what was acknowledged to clients.
bool Link::may_send() const noexcept {
    return state_ == State::up || (state_ == State::closing && end_ == LinkEnd::shutdown);
}

bool Link::may_send(const OutLane& lane) const noexcept {
    return !lane.queue.empty() && lane.sent_bytes - lane.acknowledged_bytes < options_.window;
}

bool Link::write_batch(std::string& out, Lane lane_name, base::SteadyTime now) {
    OutLane& lane = out_lane(lane_name);
    if (!may_send(lane)) return false;
    const OutgoingEvent* event = lane.queue.front(now);
    if (event == nullptr) return false;

    const std::size_t frame = writer_.begin(out, PeerFrameType::event_batch, lane_name);
    const std::size_t payload = out.size();
    protocol::BatchHead head;
    head.origin_boot = self_.boot;
    const auto age = now - event->published_at;
    head.age_us = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(age).count(), 0, UINT32_MAX));
    // The number of events is not known yet: the head is written again below.
    protocol::append_batch_head(out, head);
    while (event != nullptr && head.events < kBatchEvents) {
        const std::size_t size = out.size() - payload + event->bytes.size();
        if (head.events != 0 && size > kBatchBytes) break;
        out += event->bytes;
        ++head.events;
        lane.queue.pop();
        event = lane.queue.front(now);
    }
    std::string real_head;
    protocol::append_batch_head(real_head, head);
    out.replace(payload, real_head.size(), real_head);

    const std::size_t bytes = out.size() - payload;
    lane.sent_bytes += bytes;
    lane.sent_events += head.events;
    counters_.events_sent += head.events;
    ++counters_.batches_sent;
    const bool far = options_.compression == Compression::always ||
                     (options_.compression == Compression::automatic && round_trip_ > kFarAway);
    if (far && bytes > kWorthCompressing && (features_ & protocol::kFeatureZstd) != 0) {
        writer_.end_compressed(out, frame);
    } else {
        writer_.end(out, frame);
    }
    return true;
}

bool Link::wants_output() const noexcept {
    if (!control_.empty()) return true;
    if (state_ == State::handshake || state_ == State::ended) return false;
    return std::ranges::any_of(lanes_, [this](const OutLane& lane) {
        if (lane.owes_ack) return true;
        if (!may_send()) return false;
        return may_send(lane) || may_end_gap(lane);
    });
}

// The peer has caught up with a good part of what it was sent.
bool Link::may_end_gap(const OutLane& lane) const noexcept {
    return lane.queue.is_gapped() &&
           lane.sent_bytes - lane.acknowledged_bytes <= options_.window / 4;
}

Unsent Link::take_waiting() {
    Unsent unsent;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        std::ranges::move(lanes_[i].queue.take_all(), std::back_inserter(unsent.events));
        unsent.gaps[i] = lanes_[i].queue.take_gap();
    }
    return unsent;
}

void Link::resume(const Unsent& unsent) {
    for (std::size_t i = 0; i < unsent.gaps.size(); ++i) {
        if (!unsent.gaps[i]) continue;
        queue_control(PeerFrameType::gap, protocol::encode_gap(*unsent.gaps[i]),
                      static_cast<Lane>(i));
    }
    for (const OutgoingPtr& event : unsent.events) enqueue(event);
}

bool Link::is_done() const noexcept {
    if (state_ == State::ended) return control_.empty();
    // Who left, or has a better link, too, still sends what it has written: its side ends first.
    const bool waits_for_peer = end_ == LinkEnd::left || end_ == LinkEnd::replaced;
    return state_ == State::closing && !waits_for_peer && !wants_output() &&
           std::ranges::all_of(lanes_, [](const OutLane& lane) { return lane.queue.empty(); });
}

}  // namespace parrhesia::mesh
