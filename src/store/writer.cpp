#include "parrhesia/store/writer.hpp"

#include "parrhesia/base/inbox.hpp"
#include "parrhesia/base/log.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <limits>
#include <span>
#include <thread>
#include <utility>

namespace parrhesia::store {
namespace {

using base::Counter;
using base::Gauge;
using base::Histogram;
using base::MetricsRegistry;

constexpr std::array<std::pair<PutStatus, const char*>, 5> kOutcomes{{
    {PutStatus::stored, "stored"},
    {PutStatus::duplicate, "duplicate"},
    {PutStatus::superseded, "superseded"},
    {PutStatus::deleted, "deleted"},
    {PutStatus::failed, "failed"},
}};

struct WriterMetrics {
    explicit WriterMetrics(MetricsRegistry& registry)
        : batch_events(registry.histogram("parrhesia_store_batch_events",
                                          "Events per batch of the store's writer",
                                          {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000})),
          commit_seconds(registry.histogram("parrhesia_store_commit_seconds",
                                            "Time to store one batch, durably",
                                            base::latency_buckets(0.0001, 10))),
          queue_bytes(
              registry.gauge("parrhesia_store_queue_bytes",
                             "Events that wait for the store's writer or are in its hands")) {
        for (const auto& [status, name] : kOutcomes) {
            outcomes[static_cast<std::size_t>(status)] =
                &registry.counter("parrhesia_store_events_total",
                                  "Events given to the store, by outcome", {{"outcome", name}});
        }
    }

    Histogram& batch_events;
    Histogram& commit_seconds;
    Gauge& queue_bytes;
    std::array<Counter*, kOutcomes.size()> outcomes{};
};

[[nodiscard]] std::size_t weight_of(const WriteRequest& request) {
    return request.event->memory_bytes() + sizeof(WriteRequest);
}

}  // namespace

struct Writer::Impl {
    Impl(EventStore& the_store, CommitListener& the_listener, MetricsRegistry& registry,
         WriterOptions the_options)
        : store(the_store), listener(the_listener), options(the_options), metrics(registry) {
        thread = std::thread([this] { run(); });
        ::pthread_setname_np(thread.native_handle(), "store-writer");
    }

    void run() {
        std::vector<WriteRequest> taken;
        const std::size_t most = std::max<std::size_t>(options.max_batch_events, 1);
        while (inbox.take(taken)) {
            gather(taken);
            const std::span<WriteRequest> all(taken);
            for (std::size_t at = 0; at < all.size(); at += most) {
                commit(all.subspan(at, std::min(most, all.size() - at)));
            }
        }
    }

    // While only pipelined events come, and as long as they keep coming: a commit costs as much CPU
    // as several of them.
    void gather(std::vector<WriteRequest>& taken) {
        constexpr std::size_t kEnough = 128;
        constexpr int kPauses = 10;
        std::size_t seen = 0;
        for (int pause = 0; pause < kPauses && taken.size() < kEnough; ++pause) {
            for (; seen < taken.size(); ++seen) {
                if (!taken[seen].pipelined) return;
            }
            std::this_thread::sleep_for(options.pause);
            if (!inbox.take_more(taken)) return;
        }
    }

    void commit(std::span<WriteRequest> requests) {
        events.clear();
        std::size_t weight = 0;
        for (const WriteRequest& request : requests) {
            weight += weight_of(request);
            events.push_back(request.event);
        }
        const base::SteadyTime begin = std::chrono::steady_clock::now();
        std::vector<PutResult> results = store.put(events);
        metrics.commit_seconds.observe(std::chrono::steady_clock::now() - begin);
        metrics.batch_events.observe(static_cast<double>(requests.size()));
        auto batch = std::make_shared<CommitBatch>();
        batch->reserve(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
            metrics.outcomes[static_cast<std::size_t>(results[i].status)]->add();
            batch->push_back({std::move(requests[i]), results[i]});
        }
        queued.fetch_sub(weight);
        metrics.queue_bytes.add(-static_cast<std::int64_t>(weight));
        try {
            listener.on_commit(std::move(batch));
        } catch (const std::exception& error) {
            base::log::error("store-writer: the listener of commits failed: {}", error.what());
        }
    }

    bool submit(WriteRequest request) {
        const std::size_t weight = weight_of(request);
        // Reserve first, so that many threads together cannot exceed the bound. What the writer has
        // taken still counts: it is as much in memory as what waits.
        const std::size_t before = queued.fetch_add(weight);
        metrics.queue_bytes.add(static_cast<std::int64_t>(weight));
        if ((before == 0 || before + weight <= options.inbox_bytes) &&
            inbox.push(std::move(request), weight)) {
            return true;
        }
        queued.fetch_sub(weight);
        metrics.queue_bytes.add(-static_cast<std::int64_t>(weight));
        return false;
    }

    void stop() {
        inbox.close();
        if (thread.joinable()) thread.join();
    }

    EventStore& store;
    CommitListener& listener;
    const WriterOptions options;
    WriterMetrics metrics;
    // `queued` is the bound: the inbox forgets what has been taken from it.
    base::BoundedInbox<WriteRequest> inbox{std::numeric_limits<std::size_t>::max()};
    std::atomic<std::size_t> queued{0};
    std::vector<EventPtr> events;  // owned by the writer's thread
    std::thread thread;
};

Writer::Writer(EventStore& store, CommitListener& listener, MetricsRegistry& metrics,
               WriterOptions options)
    : impl_(std::make_unique<Impl>(store, listener, metrics, options)) {}
Writer::~Writer() { stop(); }
bool Writer::submit(WriteRequest request) { return impl_->submit(std::move(request)); }
std::size_t Writer::queued_bytes() const { return impl_->queued.load(); }
void Writer::stop() { impl_->stop(); }

}  // namespace parrhesia::store
