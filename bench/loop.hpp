// One thread's event loop on epoll. Asio would do, but re-arms each socket after each read, which
// costs the generator as much as reading; here a socket is registered once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

namespace parrhesia::bench {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

[[nodiscard]] inline std::uint64_t nanoseconds_since(TimePoint start, TimePoint now) {
    return now <= start
               ? 0
               : static_cast<std::uint64_t>(
                     std::chrono::duration_cast<std::chrono::nanoseconds>(now - start).count());
}

// Threading: one thread.
class Loop {
  public:
    class Source {
      public:
        virtual ~Source() = default;
        virtual void on_ready(std::uint32_t events) = 0;
        // After the turn in which want_flush() was called.
        virtual void on_flush() = 0;
    };
    // Called when due; returns when it wants to be called next (TimePoint::max(): never again).
    using Task = std::function<TimePoint(TimePoint now)>;

    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void add(int descriptor, std::uint32_t events, Source& source) const;
    void change(int descriptor, std::uint32_t events, Source& source) const;
    void remove(int descriptor, Source& source);
    void want_flush(Source& source) { flushes_.push_back(&source); }

    void schedule(TimePoint due, Task task);
    // Only between two calls of run().
    void forget_tasks() noexcept { tasks_.clear(); }

    // Until stop(). May be called again.
    void run();
    void stop() noexcept { is_stopped_ = true; }

  private:
    void flush();
    [[nodiscard]] TimePoint run_tasks();

    struct Scheduled {
        TimePoint due;
        Task task;
    };
    int epoll_ = -1;
    bool is_stopped_ = false;
    std::vector<Source*> flushes_;
    std::vector<Scheduled> tasks_;
    std::vector<Source*> removed_;  // during the current turn
};

}  // namespace parrhesia::bench
