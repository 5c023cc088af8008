// How a thread hands work to another: the receiving thread's queue, seen from outside.
#pragma once

#include <functional>

namespace parrhesia::base {

// Implemented by the io threads (net) and by a hand-driven queue in tests.
//
// Threading: post() from any thread; the tasks run one after another on the owner's thread, in the
//            order in which one thread posted them.
// Lifetime:  tasks posted after the owner has stopped are destroyed without having run.
class TaskQueue {
  public:
    using Task = std::function<void()>;

    virtual ~TaskQueue() = default;
    virtual void post(Task task) = 0;
};

}  // namespace parrhesia::base
