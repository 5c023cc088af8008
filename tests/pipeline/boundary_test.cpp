// The promise at the REQ boundary, attacked with real threads: whatever the interleaving of
// commits, snapshots and deliveries, each subscription gets each event exactly once.

#include "parrhesia/pipeline/relay.hpp"

#include "support/event_generator.hpp"
#include "support/manual_queue.hpp"
#include "support/memory_store.hpp"
#include "support/recording_client.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::pipeline {
namespace {

constexpr std::size_t kEvents = 200;
constexpr std::size_t kSubscriptions = 60;

// An io thread that runs a ManualQueue until it is told to stop.
class QueueThread {
  public:
    QueueThread()
        : thread_([this] { static_cast<void>(queue_.run_until([this] { return stop_; })); }) {}
    ~QueueThread() {
        queue_.post([this] { stop_ = true; });
        thread_.join();
    }
    QueueThread(const QueueThread&) = delete;
    QueueThread& operator=(const QueueThread&) = delete;

    [[nodiscard]] test::ManualQueue& queue() { return queue_; }
    // Runs `work` on the thread and waits for it.
    template <class Work>
    void run(Work work) {
        std::promise<void> done;
        queue_.post([&] {
            work();
            done.set_value();
        });
        done.get_future().wait();
    }

  private:
    test::ManualQueue queue_;
    bool stop_ = false;  // owned by the thread
    std::thread thread_;
};

TEST(Boundary, EverySubscriptionGetsEveryEventExactlyOnceWhilePublishing) {
    const base::SystemClock clock;
    std::vector<event::EventPtr> events;
    for (std::size_t i = 0; i < kEvents; ++i) {
        events.push_back(
            test::make_event("alice", {clock.unix_seconds(), 1, {}, std::to_string(i)}));
    }
    test::MemoryStore store;
    base::MetricsRegistry metrics;
    QueueThread publisher_io;
    QueueThread subscriber_io;
    RelayOptions options;
    options.readers.threads = 2;
    options.readers.page_rows = 7;
    options.limits.subscriptions = kSubscriptions;
    options.limits.events_in_flight = kEvents;
    Relay relay(store, clock, metrics, {&publisher_io.queue(), &subscriber_io.queue()}, options);

    test::RecordingClient publisher;
    test::RecordingClient subscriber;
    std::unique_ptr<Connection> publishing;
    std::unique_ptr<Connection> subscribing;
    publisher_io.run([&] { publishing = relay.connect(0, publisher); });
    subscriber_io.run([&] { subscribing = relay.connect(1, subscriber); });

    std::thread publish([&] {
        for (const auto& event : events) {
            publisher_io.run(
                [&] { publishing->on_text("[\"EVENT\"," + std::string(event->json()) + "]"); });
        }
    });
    for (std::size_t i = 0; i < kSubscriptions; ++i) {
        subscriber_io.run([&] {
            subscribing->on_text("[\"REQ\",\"" + std::to_string(i) + "\",{\"kinds\":[1]}]");
        });
    }
    publish.join();

    const auto soon = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::size_t received = 0;
    while (received < kEvents * kSubscriptions && std::chrono::steady_clock::now() < soon) {
        subscriber_io.run([&] { received = subscriber.count("[\"EVENT\""); });
    }
    relay.stop();
    std::map<std::string, std::size_t> times;
    subscriber_io.run([&] {
        for (const auto& message : subscriber.messages) {
            if (message.starts_with("[\"EVENT\"")) ++times[message];
        }
    });
    EXPECT_EQ(times.size(), kEvents * kSubscriptions);
    for (const auto& [message, count] : times) EXPECT_EQ(count, 1U) << message;

    publisher_io.run([&] { publishing.reset(); });
    subscriber_io.run([&] { subscribing.reset(); });
}

}  // namespace
}  // namespace parrhesia::pipeline
