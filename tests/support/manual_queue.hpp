// The queue of an io thread, run by hand: the test's thread is the io thread.
#pragma once

#include "parrhesia/base/task_queue.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace parrhesia::test {

class ManualQueue final : public base::TaskQueue {
  public:
    void post(Task task) override {
        {
            const std::scoped_lock lock(mutex_);
            tasks_.push_back(std::move(task));
        }
        posted_.notify_one();
    }

    // Runs tasks until `condition` holds; false when it does not within `limit`.
    template <class Condition>
    [[nodiscard]] bool run_until(Condition condition,
                                 std::chrono::seconds limit = std::chrono::seconds(20)) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        while (!condition()) {
            Task task;
            {
                std::unique_lock lock(mutex_);
                if (!posted_.wait_until(lock, deadline, [this] { return !tasks_.empty(); })) {
                    return false;
                }
                task = std::move(tasks_.front());
                tasks_.pop_front();
            }
            task();
        }
        return true;
    }

    // Runs what waits now, and what that posts.
    void run_ready() {
        static_cast<void>(run_until([this] {
            const std::scoped_lock lock(mutex_);
            return tasks_.empty();
        }));
    }

  private:
    std::mutex mutex_;
    std::condition_variable posted_;
    std::deque<Task> tasks_;
};

}  // namespace parrhesia::test
