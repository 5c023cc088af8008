// Lets many in together, or one alone.
//
// std::shared_mutex prefers readers on this platform: under a steady stream of them the one that
// wants to be alone would wait for ever. Here it holds new arrivals back until it has had its turn.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace parrhesia::store::lmdb {

// Meets the standard's SharedMutex as far as std::shared_lock and std::unique_lock need it.
//
// Threading: any thread. A thread inside must not enter again: it could wait for itself.
class Gate {
  public:
    void lock_shared() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return alone_waiting_ == 0 && !alone_; });
        ++together_;
    }
    void unlock_shared() {
        bool wake = false;
        {
            const std::scoped_lock lock(mutex_);
            wake = --together_ == 0 && alone_waiting_ != 0;
        }
        if (wake) changed_.notify_all();
    }
    void lock() {
        std::unique_lock lock(mutex_);
        ++alone_waiting_;
        changed_.wait(lock, [this] { return together_ == 0 && !alone_; });
        --alone_waiting_;
        alone_ = true;
    }
    void unlock() {
        {
            const std::scoped_lock lock(mutex_);
            alone_ = false;
        }
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    // guarded by mutex_
    std::condition_variable changed_;
    std::size_t together_ = 0;
    std::size_t alone_waiting_ = 0;
    bool alone_ = false;
};

}  // namespace parrhesia::store::lmdb
