// One io thread: its io_context, its sessions, and what they share.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/task_queue.hpp"

#include "net/asio.hpp"
#include "net/flush_queue.hpp"
#include "net/frame.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <memory>
#include <thread>
#include <unordered_set>
#include <vector>

namespace parrhesia::net {

class Session;

// Threading: post(), start() and stop() from outside; everything else on the thread itself.
class IoThread final : public base::TaskQueue {
  public:
    explicit IoThread(std::size_t number);
    ~IoThread() override;
    IoThread(const IoThread&) = delete;
    IoThread& operator=(const IoThread&) = delete;

    void post(Task task) override;
    void start();
    void stop();

    [[nodiscard]] asio::io_context& context() noexcept { return context_; }
    [[nodiscard]] std::size_t number() const noexcept { return number_; }

    // Sessions live here from their first byte to their last: once a second each gets a tick.
    void add(Session& session);
    void remove(Session& session) noexcept;
    [[nodiscard]] std::vector<std::shared_ptr<Session>> sessions() const;

    // Who has something to send; it is sent once the thread has nothing else to do, or soon.
    [[nodiscard]] FlushQueue& flushes() noexcept { return flushes_; }

    // As of the last tick: good enough for time-outs of seconds, and free.
    [[nodiscard]] base::SteadyTime coarse_now() const noexcept { return coarse_now_; }

    [[nodiscard]] MessageDeflater& deflater() noexcept { return deflater_; }

  private:
    void run();
    void schedule_tick();

    const std::size_t number_;
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::thread thread_;

    // owned by the thread
    asio::steady_timer tick_;
    base::SteadyTime coarse_now_;
    std::unordered_set<Session*> sessions_;
    FlushQueue flushes_;
    MessageDeflater deflater_;
};

}  // namespace parrhesia::net
