#include "mesh/lane_queue.hpp"

#include <algorithm>
#include <utility>

namespace parrhesia::mesh {

bool LaneQueue::fits(const OutgoingEvent& event) const noexcept {
    return events_.size() < bounds_.events && bytes_ + event.bytes.size() <= bounds_.bytes;
}

void LaneQueue::push(OutgoingPtr event) {
    if (!gap_ && fits(*event)) {
        bytes_ += event->bytes.size();
        events_.push_back(std::move(event));
        return;
    }
    if (bounds_.expiry.count() == 0) {
        for (const auto& waiting : events_) widen_gap(*waiting);
        events_.clear();
        bytes_ = 0;
        widen_gap(*event);
        return;
    }
    while (!events_.empty() && !fits(*event)) {
        pop();
        ++drops_.overflow;
    }
    if (!fits(*event)) {  // larger than the lane
        ++drops_.overflow;
        return;
    }
    bytes_ += event->bytes.size();
    events_.push_back(std::move(event));
}

void LaneQueue::widen_gap(const OutgoingEvent& event) {
    ++drops_.overflow;
    if (!gap_) gap_.emplace(protocol::Gap{0, event.position, event.position});
    ++gap_->dropped;
    gap_->first = std::min(gap_->first, event.position);
    gap_->last = std::max(gap_->last, event.position);
}

const OutgoingEvent* LaneQueue::front(base::SteadyTime now) {
    while (bounds_.expiry.count() != 0 && !events_.empty() &&
           now - events_.front()->published_at > bounds_.expiry) {
        pop();
        ++drops_.expired;
    }
    return events_.empty() ? nullptr : events_.front().get();
}

void LaneQueue::pop() {
    bytes_ -= events_.front()->bytes.size();
    events_.pop_front();
}

std::deque<OutgoingPtr> LaneQueue::take_all() {
    bytes_ = 0;
    return std::exchange(events_, {});
}

std::optional<protocol::Gap> LaneQueue::take_gap() { return std::exchange(gap_, std::nullopt); }

void LaneQueue::adopt(LaneQueue&& other) {
    events_ = std::exchange(other.events_, {});
    bytes_ = std::exchange(other.bytes_, 0);
    gap_ = other.take_gap();
    drops_.overflow += std::exchange(other.drops_.overflow, 0);
    drops_.expired += std::exchange(other.drops_.expired, 0);
}

}  // namespace parrhesia::mesh
