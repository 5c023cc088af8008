#include "net/io_thread.hpp"

#include "parrhesia/base/log.hpp"
#include "parrhesia/net/io_threads.hpp"

#include "net/session.hpp"

#include <boost/asio/post.hpp>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace parrhesia::net {

IoThread::IoThread(std::size_t number)
    : number_(number),
      work_(asio::make_work_guard(context_)),
      tick_(context_),
      coarse_now_(std::chrono::steady_clock::now()) {
    schedule_tick();
}

IoThread::~IoThread() { stop(); }

void IoThread::post(Task task) { asio::post(context_, std::move(task)); }

void IoThread::start() {
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), ("io-" + std::to_string(number_)).c_str());
        for (;;) {
            try {
                run();
                return;
            } catch (const std::exception& unexpected) {
                // A bug, but of one session or task: the others go on.
                base::log::error("io-{}: a task threw: {}", number_, unexpected.what());
            }
        }
    });
}

// One turn after another, and sockets are sent between the turns: at once when nothing else is
// ready, so that a lone message never waits; else when the queue of flushes says so, so that what
// several turns have for one connection leaves in one system call.
void IoThread::run() {
    while (!context_.stopped()) {
        if (context_.poll_one() != 0) {
            if (!flushes_.empty()) flushes_.run_due(std::chrono::steady_clock::now());
        } else if (!flushes_.empty()) {
            flushes_.run_slice();
        } else {
            context_.run_one();
        }
    }
}

void IoThread::stop() {
    work_.reset();
    context_.stop();
    if (thread_.joinable()) thread_.join();
}

void IoThread::add(Session& session) { sessions_.insert(&session); }

void IoThread::remove(Session& session) noexcept { sessions_.erase(&session); }

std::vector<std::shared_ptr<Session>> IoThread::sessions() const {
    std::vector<std::shared_ptr<Session>> result;
    result.reserve(sessions_.size());
    for (Session* session : sessions_) {
        if (auto alive = session->weak_from_this().lock()) result.push_back(std::move(alive));
    }
    return result;
}

void IoThread::schedule_tick() {
    tick_.expires_after(std::chrono::seconds(1));
    tick_.async_wait([this](error_code error) {
        if (error) return;
        coarse_now_ = std::chrono::steady_clock::now();
        schedule_tick();  // first: no exception below may end the ticks
        for (const auto& session : sessions()) session->tick();
    });
}

IoThreads::IoThreads(unsigned count) {
    if (count == 0) count = std::max(1U, std::thread::hardware_concurrency());
    for (unsigned number = 0; number < count; ++number) {
        threads_.push_back(std::make_unique<IoThread>(number));
    }
}

IoThreads::~IoThreads() { stop(); }

std::vector<base::TaskQueue*> IoThreads::queues() noexcept {
    std::vector<base::TaskQueue*> result;
    for (const auto& thread : threads_) result.push_back(thread.get());
    return result;
}

void IoThreads::start() {
    for (const auto& thread : threads_) thread->start();
}

void IoThreads::stop() {
    for (const auto& thread : threads_) thread->stop();
}

}  // namespace parrhesia::net
