// The io threads: each runs one io_context and owns everything that was made on it.
#pragma once

#include "parrhesia/base/task_queue.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace parrhesia::net {

class IoThread;  // src/net/io_thread.hpp

// Threading: belongs to the thread that made it.
class IoThreads {
  public:
    // `count` 0: one per core.
    explicit IoThreads(unsigned count);
    ~IoThreads();  // stop()
    IoThreads(const IoThreads&) = delete;
    IoThreads& operator=(const IoThreads&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return threads_.size(); }
    [[nodiscard]] IoThread& at(std::size_t index) noexcept { return *threads_[index]; }
    [[nodiscard]] std::vector<base::TaskQueue*> queues() noexcept;

    void start();
    // Tasks that have not run by then are destroyed unrun. Idempotent.
    void stop();

  private:
    std::vector<std::unique_ptr<IoThread>> threads_;
};

}  // namespace parrhesia::net
