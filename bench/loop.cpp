#include "loop.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace parrhesia::bench {
namespace {

void control(int epoll, int operation, int descriptor, std::uint32_t events, void* source) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = source;
    if (::epoll_ctl(epoll, operation, descriptor, &event) != 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
}

}  // namespace

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Loop::~Loop() { ::close(epoll_); }

void Loop::add(int descriptor, std::uint32_t events, Source& source) const {
    control(epoll_, EPOLL_CTL_ADD, descriptor, events, &source);
}

void Loop::change(int descriptor, std::uint32_t events, Source& source) const {
    control(epoll_, EPOLL_CTL_MOD, descriptor, events, &source);
}

void Loop::remove(int descriptor, Source& source) {
    control(epoll_, EPOLL_CTL_DEL, descriptor, 0, nullptr);
    removed_.push_back(&source);
    std::erase(flushes_, &source);
}

void Loop::schedule(TimePoint due, Task task) { tasks_.push_back({due, std::move(task)}); }

void Loop::flush() {
    // A flush may fail, which removes its source and others: take them one by one.
    while (!flushes_.empty()) {
        Source* source = flushes_.back();
        flushes_.pop_back();
        source->on_flush();
    }
}

TimePoint Loop::run_tasks() {
    TimePoint next = TimePoint::max();
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
        const TimePoint now = Clock::now();
        if (tasks_[i].due <= now) {
            Task task = std::move(tasks_[i].task);  // it may schedule others
            const TimePoint again = task(now);
            tasks_[i].due = again;
            tasks_[i].task = std::move(task);
        }
        next = std::min(next, tasks_[i].due);
    }
    std::erase_if(tasks_, [](const Scheduled& task) { return task.due == TimePoint::max(); });
    return next;
}

void Loop::run() {
    is_stopped_ = false;
    std::array<epoll_event, 256> ready{};
    while (!is_stopped_) {
        const TimePoint next = run_tasks();
        flush();
        if (is_stopped_) break;
        std::uint64_t wait = 100'000'000;
        if (next != TimePoint::max()) {
            wait = std::min(wait, nanoseconds_since(Clock::now(), next));
        }
        const timespec timeout{0, static_cast<long>(wait)};
        const int count =
            ::epoll_pwait2(epoll_, ready.data(), static_cast<int>(ready.size()), &timeout, nullptr);
        removed_.clear();
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = ready[static_cast<std::size_t>(i)];
            auto* source = static_cast<Source*>(event.data.ptr);
            if (std::find(removed_.begin(), removed_.end(), source) != removed_.end()) continue;
            source->on_ready(event.events);
        }
        flush();
    }
}

}  // namespace parrhesia::bench
