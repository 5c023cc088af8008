#include "net/flush_queue.hpp"

#include "parrhesia/base/log.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace parrhesia::net {

void FlushQueue::add(std::shared_ptr<Flushable> item, Lane lane) {
    Gathered& gathered = lane == Lane::answers ? gathered_answers_ : gathered_live_;
    if (gathered.items.empty()) gathered.since = std::chrono::steady_clock::now();
    Flushable& added = *item;
    gathered.items.push_back(std::move(item));
    (lane == Lane::answers ? added.in_answers_ : added.in_live_) = true;
}

bool FlushQueue::Gathered::is_due(std::chrono::microseconds each, std::chrono::microseconds most,
                                  base::SteadyTime now) const noexcept {
    if (items.empty()) return false;
    const auto many = static_cast<std::chrono::microseconds::rep>(items.size());
    return now - since >= std::min(most, many * each);
}

void FlushQueue::run_due(base::SteadyTime now) {
    if (gathered_answers_.is_due(kGatherAnswer, kGatherAnswersMost, now)) flush_answers();
    if (!flushing_.empty() || gathered_live_.is_due(kGatherLive, kGatherLiveMost, now)) {
        flush_live();
    }
}

void FlushQueue::run_slice() {
    flush_answers();
    flush_live();
}

void FlushQueue::flush_answers() {
    // Flags first: a flush may make a session append again, for the next time.
    answers_.swap(gathered_answers_.items);
    for (const auto& item : answers_) item->in_answers_ = false;
    for (const auto& item : answers_) flush(*item);
    answers_.clear();
}

void FlushQueue::flush_live() {
    if (flushing_.empty()) flushing_.swap(gathered_live_.items);
    const std::size_t end = std::min(next_ + kSliceSize, flushing_.size());
    while (next_ < end) {
        // Released at once: it may be the last to hold a connection that has ended.
        const auto item = std::move(flushing_[next_++]);
        item->in_live_ = false;
        flush(*item);
    }
    if (next_ == flushing_.size()) {
        flushing_.clear();
        next_ = 0;
    }
}

void FlushQueue::flush(Flushable& item) noexcept {
    try {
        item.flush();
    } catch (const std::exception& unexpected) {
        // Out of memory: the others are still owed theirs.
        base::log::error("a flush threw: {}", unexpected.what());
        item.cut();
    }
}

}  // namespace parrhesia::net
