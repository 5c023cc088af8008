// A bounded queue from many threads to one that may block: the store's writer takes all that waits.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

namespace parrhesia::base {

// Threading: push() and close() from any thread; take() from the one owner.
// Invariant: the weight of what waits never exceeds the bound, save for a single item that is
// heavier.
template <class T>
class BoundedInbox {
  public:
    // `max_weight` in whatever unit push() is given, bytes as a rule.
    explicit BoundedInbox(std::size_t max_weight) : max_weight_(max_weight) {}

    // False when the inbox is full or closed; `item` is then untouched.
    [[nodiscard]] bool push(T&& item, std::size_t weight) {
        {
            const std::scoped_lock lock(mutex_);
            if (closed_ || (weight_ != 0 && weight_ + weight > max_weight_)) return false;
            items_.push_back(std::move(item));
            weight_ += weight;
            if (items_.size() > 1) return true;  // the owner has been woken already
        }
        wake_.notify_one();
        return true;
    }

    // Blocks until something waits, then moves everything into `out` (cleared first). False once
    // the inbox is closed and empty.
    [[nodiscard]] bool take(std::vector<T>& out) {
        out.clear();
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return closed_ || !items_.empty(); });
        if (items_.empty()) return false;
        out.swap(items_);
        weight_ = 0;
        return true;
    }

    // Appends what waits now to `out`, without blocking; false when that is nothing.
    [[nodiscard]] bool take_more(std::vector<T>& out) {
        const std::scoped_lock lock(mutex_);
        if (items_.empty()) return false;
        out.insert(out.end(), std::make_move_iterator(items_.begin()),
                   std::make_move_iterator(items_.end()));
        items_.clear();
        weight_ = 0;
        return true;
    }

    // What waits may still be taken; nothing more can be pushed.
    void close() {
        {
            const std::scoped_lock lock(mutex_);
            closed_ = true;
        }
        wake_.notify_all();
    }

    [[nodiscard]] std::size_t weight() const {
        const std::scoped_lock lock(mutex_);
        return weight_;
    }

  private:
    const std::size_t max_weight_;
    mutable std::mutex mutex_;
    // guarded by mutex_
    std::condition_variable wake_;
    std::vector<T> items_;
    std::size_t weight_ = 0;
    bool closed_ = false;
};

}  // namespace parrhesia::base
