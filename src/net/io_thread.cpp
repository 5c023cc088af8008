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
                context_.run();
                return;
            } catch (const std::exception& unexpected) {
                // A bug, but of one session or task: the others go on.
                base::log::error("io-{}: a task threw: {}", number_, unexpected.what());
            }
        }
    });
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

void IoThread::flush_soon(std::shared_ptr<Session> session) {
    corked_.push_back(std::move(session));
    if (corked_.size() == 1) asio::post(context_, [this] { flush_all(); });
}

void IoThread::flush_all() {
    // A flush may make a session append again, for the next turn.
    flushing_.clear();
    flushing_.swap(corked_);
    for (const auto& session : flushing_) {
        try {
            session->flush();
        } catch (
            const std::exception& unexpected) {  // out of memory: the others are still owed theirs
            base::log::error("io-{}: a flush threw: {}", number_, unexpected.what());
            session->cut();
        }
    }
    flushing_.clear();
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
