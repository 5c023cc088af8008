#include "pipeline/live_queue.hpp"

#include "pipeline/shard.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace parrhesia::pipeline {

LiveQueue::LiveQueue(Core& core, fanout::SubscriptionIndex& index, base::TaskQueue& home,
                     std::function<void()> on_room)
    : core_(core), index_(index), home_(home), on_room_(std::move(on_room)) {}

void LiveQueue::add_stored(fanout::Published published, std::shared_ptr<const void> lease) {
    // Alone, the store lets no event come twice.
    if (core_.options.outlet != nullptr && is_copy(published)) return;
    items_.push_back({std::move(published), std::move(lease), nullptr});
}

bool LiveQueue::add_ephemeral(fanout::Published published, std::shared_ptr<Tally> tally) {
    if (!reserve(*published.event)) return false;
    queue_ephemeral(std::move(published), std::move(tally));
    return true;
}

// Its bytes have been reserved.
void LiveQueue::queue_ephemeral(fanout::Published&& published, std::shared_ptr<Tally>&& tally) {
    if (is_copy(published)) {
        release(*published.event);
        if (tally) tally->report(1);
        return;
    }
    items_.push_back({std::move(published), nullptr, std::move(tally)});
    ++ephemeral_events_;
}

bool LiveQueue::is_copy(const fanout::Published& published) {
    if (recent_.insert(published.event->id())) return false;
    core_.metrics.copies_dropped.add();
    return true;
}

bool LiveQueue::reserve(const event::Event& event) noexcept {
    const std::size_t bytes = event.memory_bytes();
    if (ephemeral_bytes_.fetch_add(bytes) <= kMaxEphemeralBytes) return true;
    ephemeral_bytes_.fetch_sub(bytes);
    return false;
}

void LiveQueue::release(const event::Event& event) noexcept {
    ephemeral_bytes_.fetch_sub(event.memory_bytes());
}

bool LiveQueue::post_ephemeral(const fanout::Published& published,
                               const std::shared_ptr<Tally>& tally) {
    if (!reserve(*published.event)) return false;
    bool first = false;
    {
        const std::scoped_lock lock(posted_mutex_);
        first = posted_.empty();
        posted_.push_back({published, tally});
    }
    if (first) home_.post([this] { take_posted(); });
    return true;
}

void LiveQueue::take_posted() {
    taken_.clear();
    {
        const std::scoped_lock lock(posted_mutex_);
        taken_.swap(posted_);
    }
    for (auto& [published, tally] : taken_) {
        queue_ephemeral(std::move(published), std::move(tally));
    }
    taken_.clear();
    start();
}

void LiveQueue::start() {
    if (!turn_posted_) run_piece();
}

void LiveQueue::run_piece() {
    try {
        deliver_piece();
    } catch (...) {  // out of memory: of one event, but the others are still owed
        start_soon();
        throw;
    }
    start_soon();
}

void LiveQueue::deliver_piece() {
    // At shutdown all at once, because the clients are said goodbye next.
    const bool hurry = core_.refusing.load(std::memory_order_relaxed);
    std::size_t left = hurry ? std::numeric_limits<std::size_t>::max() : kPieceWork;
    while (left != 0 && !items_.empty()) {
        const fanout::Published& front = items_.front().published;
        if (!std::exchange(front_begun_, true)) {
            left -= std::min(left, kEventWork);
            index_.begin(front);
        }
        const std::size_t each = 1 + front.event->json().size() / kBytesOfWork;
        const std::size_t delivered = index_.advance(front, std::max<std::size_t>(left / each, 1));
        left -= std::min(left, delivered * each);
        if (delivered != 0) {
            items_.front().deliveries += delivered;
            core_.metrics.deliveries.of(front.traffic_class).add(delivered);
            core_.metrics.delivery_seconds.of(front.traffic_class)
                .observe(core_.clock.now() - front.received_at, delivered);
        }
        if (!index_.is_publishing()) finish_front();
    }
}

void LiveQueue::finish_front() {
    const Item& front = items_.front();
    const bool was_crowded = is_crowded();
    if (front.lease == nullptr) {
        --ephemeral_events_;
        release(*front.published.event);
        if (front.tally) front.tally->report(front.deliveries);
    }
    items_.pop_front();
    front_begun_ = false;
    if (was_crowded && !is_crowded()) on_room_();
}

void LiveQueue::start_soon() {
    if (turn_posted_ || items_.empty()) return;
    turn_posted_ = true;
    home_.post([this] {
        turn_posted_ = false;
        run_piece();
    });
}

}  // namespace parrhesia::pipeline
