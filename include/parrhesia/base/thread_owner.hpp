// Turns the comment "owned by one thread" into a check.
#pragma once

#include <cassert>
#include <thread>

namespace parrhesia::base {

// A member of a class that belongs to one thread; its public methods call assert_here(). The first
// call claims the thread. Costs nothing with NDEBUG.
class ThreadOwner {
  public:
#ifdef NDEBUG
    void assert_here() const noexcept {}
#else
    void assert_here() const noexcept {
        if (owner_ == std::thread::id{}) owner_ = std::this_thread::get_id();
        assert(owner_ == std::this_thread::get_id() && "used on a thread that does not own it");
    }

  private:
    mutable std::thread::id owner_;
#endif
};

}  // namespace parrhesia::base
