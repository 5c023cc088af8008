// Whether the database answers: the circuit breaker that everybody asks before waiting for it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace parrhesia::store::postgres {

// Threading: any thread.
class Availability {
  public:
    // Starts "down": nobody has connected yet. `complaint` begins what the log says of it.
    explicit Availability(std::string complaint) : complaint_(std::move(complaint)) {}
    [[nodiscard]] bool is_up() const noexcept { return up_.load(std::memory_order_acquire); }
    // The reason is logged when it is news.
    void mark_down(std::string_view why);
    void mark_up();
    // How often it has gone down: connections made before the last time are not trusted.
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_.load(); }

    // Waits until the database goes down or wake() is called, at most so long.
    void wait(std::chrono::milliseconds longest);
    void wake();

  private:
    const std::string complaint_;
    std::atomic<bool> up_{false};
    std::atomic<std::uint64_t> generation_{1};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = false;       // guarded by mutex_
    std::string last_reason_;  // guarded by mutex_
};

}  // namespace parrhesia::store::postgres
