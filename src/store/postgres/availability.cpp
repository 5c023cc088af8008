#include "store/postgres/availability.hpp"

#include "parrhesia/base/log.hpp"

namespace parrhesia::store::postgres {

void Availability::mark_down(std::string_view why) {
    const std::scoped_lock lock(mutex_);
    if (up_.exchange(false)) ++generation_;
    woken_ = true;
    changed_.notify_all();
    if (last_reason_ == why) return;
    last_reason_ = why;
    base::log::error("store: {}: {}", complaint_, why);
}

void Availability::mark_up() {
    const std::scoped_lock lock(mutex_);
    if (up_.exchange(true)) return;
    if (!last_reason_.empty()) base::log::info("store: no more: {}", complaint_);
    last_reason_.clear();
}

void Availability::wait(std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, longest, [this] { return woken_; });
    woken_ = false;
}

void Availability::wake() {
    {
        const std::scoped_lock lock(mutex_);
        woken_ = true;
    }
    changed_.notify_all();
}

}  // namespace parrhesia::store::postgres
