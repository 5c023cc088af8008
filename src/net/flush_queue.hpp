// The connections of one io thread that have something to send, and when to send it.
#pragma once

#include "parrhesia/base/clock.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace parrhesia::net {

// What is flushed: a session.
class Flushable {
  public:
    virtual ~Flushable() = default;
    // Sends what waits.
    virtual void flush() = 0;
    // Ends the connection; flush() threw.
    virtual void cut() = 0;

  private:
    friend class FlushQueue;
    bool in_answers_ = false;
    bool in_live_ = false;
};

// A busy thread gathers before it sends, because a system call costs far more than an append: for a
// few times as long as sending will take, so that sending takes a small part of its time, and few
// connections wait shortly. Then they are flushed in slices, between which other turns run, in the
// order in which they were added. A thread that has nothing else to do flushes at once.
//
// Threading: belongs to one io thread. Lifetime: keeps what was added alive until it is flushed.
class FlushQueue {
  public:
    // What somebody has asked for must not wait behind what many have subscribed to.
    enum class Lane { answers, live };

    // Of one slice, a few hundred µs of system calls.
    static constexpr std::size_t kSliceSize = 64;
    // For each connection that waits; sending takes 2 to 8 µs.
    static constexpr std::chrono::microseconds kGatherAnswer{8};
    static constexpr std::chrono::microseconds kGatherLive{16};
    static constexpr std::chrono::microseconds kGatherAnswersMost{500};
    static constexpr std::chrono::microseconds kGatherLiveMost{10000};

    [[nodiscard]] static bool has(const Flushable& item, Lane lane) noexcept {
        return lane == Lane::answers ? item.in_answers_ : item.in_live_;
    }
    // `item` is not in this lane.
    void add(std::shared_ptr<Flushable> item, Lane lane);
    [[nodiscard]] bool empty() const noexcept {
        return gathered_answers_.items.empty() && gathered_live_.items.empty() && flushing_.empty();
    }
    // The thread has other work, too: flushes the answers, or a slice of the live lane, or both, if
    // it is time.
    void run_due(base::SteadyTime now);
    // The thread has nothing else to do: flushes the answers and a slice of the live lane.
    void run_slice();

  private:
    struct Gathered {
        std::vector<std::shared_ptr<Flushable>> items;
        base::SteadyTime since;  // when the first was added
        [[nodiscard]] bool is_due(std::chrono::microseconds each, std::chrono::microseconds most,
                                  base::SteadyTime now) const noexcept;
    };
    void flush_answers();
    void flush_live();
    static void flush(Flushable& item) noexcept;

    Gathered gathered_answers_;
    Gathered gathered_live_;
    std::vector<std::shared_ptr<Flushable>> flushing_;  // of the live lane, up to next_ done
    std::size_t next_ = 0;
    std::vector<std::shared_ptr<Flushable>> answers_;  // being flushed
};

}  // namespace parrhesia::net
