#include "parrhesia/store/readers.hpp"

#include "parrhesia/base/log.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace parrhesia::store {
namespace {

using base::Errc;
using base::SteadyTime;
using std::chrono::steady_clock;

struct ReaderMetrics {
    explicit ReaderMetrics(base::MetricsRegistry& registry)
        : query_seconds(registry.histogram("parrhesia_store_query_seconds",
                                           "Stored queries from their start to their last page",
                                           base::latency_buckets(0.0001, 60))),
          slices(registry.counter("parrhesia_store_slices_total", "Time slices of stored queries")),
          running(registry.gauge("parrhesia_store_queries_running", "Stored queries under way")) {}

    base::Histogram& query_seconds;
    base::Counter& slices;
    base::Gauge& running;
};

// One query. Three hands touch it, one after another: the queue of runnable queries, the reader
// that runs a slice, and the home thread, which gets a page and asks for more.
struct RunningQuery {
    RunningQuery(std::vector<Filter> its_filters, ScanOptions its_options,
                 base::TaskQueue& its_home, Readers::OnPage its_on_page)
        : home(its_home),
          filters(std::move(its_filters)),
          options(std::move(its_options)),
          on_page(std::move(its_on_page)) {}

    base::TaskQueue& home;
    const SteadyTime started = steady_clock::now();
    std::atomic<bool> cancelled{false};  // set by the home thread
    std::atomic<bool> counted{true};     // in the gauge of running queries

    // owned by whoever runs the slice
    std::vector<Filter> filters;  // until the scan is made
    ScanOptions options;          // the same
    std::unique_ptr<Scan> scan;
    std::chrono::nanoseconds used{0};

    // owned by the home thread. What it captures is destroyed there, too: by finish_at_home().
    Readers::OnPage on_page;
    bool calling = false;
    bool over = false;

    void finish_at_home() {
        over = true;
        if (!calling) on_page = nullptr;  // else deliver() does so when the call is back
    }

    void deliver(QueryPage page) {
        if (over) return;
        const bool last = page.page.done || page.error;
        calling = true;
        on_page(std::move(page));
        calling = false;
        if (last || over) finish_at_home();
    }
};
using RunningQueryPtr = std::shared_ptr<RunningQuery>;

// What readers and handles share: a handle may outlive the readers.
class Runnables {
  public:
    explicit Runnables(base::MetricsRegistry& registry) : metrics(registry) {}

    void push(RunningQueryPtr query) {
        {
            const std::scoped_lock lock(mutex_);
            if (stopped_) return;
            queue_.push_back(std::move(query));
        }
        wake_.notify_one();
    }
    // The next query to run; null when the readers stop.
    [[nodiscard]] RunningQueryPtr pop() {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
        if (stopped_) return nullptr;
        RunningQueryPtr query = std::move(queue_.front());
        queue_.pop_front();
        return query;
    }
    // A query that has been cancelled does not wait for its turn with all it holds.
    void remove(const RunningQueryPtr& query) {
        const std::scoped_lock lock(mutex_);
        const auto found = std::find(queue_.begin(), queue_.end(), query);
        if (found != queue_.end()) queue_.erase(found);
    }
    void count_in() { metrics.running.add(1); }
    // After stop() the metrics may be gone.
    void count_out(RunningQuery& query) {
        const std::scoped_lock lock(mutex_);
        if (query.counted.exchange(false) && !stopped_) metrics.running.add(-1);
    }
    void stop() {
        std::deque<RunningQueryPtr> dropped;
        {
            const std::scoped_lock lock(mutex_);
            if (stopped_) return;
            stopped_ = true;
            dropped.swap(queue_);
            metrics.running.set(0);
        }
        wake_.notify_all();
    }

    ReaderMetrics metrics;

  private:
    std::mutex mutex_;
    // guarded by mutex_
    std::condition_variable wake_;
    std::deque<RunningQueryPtr> queue_;
    bool stopped_ = false;
};

class QueryHandle final : public Query {
  public:
    QueryHandle(RunningQueryPtr query, std::shared_ptr<Runnables> runnables)
        : query_(std::move(query)), runnables_(std::move(runnables)) {}
    ~QueryHandle() override { end(); }
    QueryHandle(const QueryHandle&) = delete;
    QueryHandle& operator=(const QueryHandle&) = delete;

    void more() override {
        if (!query_->over) runnables_->push(query_);
    }
    void cancel() override { end(); }

  private:
    void end() {
        query_->cancelled = true;
        query_->finish_at_home();
        runnables_->remove(query_);
        runnables_->count_out(*query_);
    }

    const RunningQueryPtr query_;
    const std::shared_ptr<Runnables> runnables_;
};

}  // namespace

struct Readers::Impl {
    Impl(EventStore& the_store, base::MetricsRegistry& registry, ReadersOptions the_options)
        : store(the_store), options(the_options), runnables(std::make_shared<Runnables>(registry)) {
        const unsigned count = std::max(options.threads, 1U);
        for (unsigned i = 0; i < count; ++i) {
            threads.emplace_back([this] { run(); });
            ::pthread_setname_np(threads.back().native_handle(),
                                 ("store-reader-" + std::to_string(i)).c_str());
        }
    }

    void run() {
        while (RunningQueryPtr query = runnables->pop()) {
            if (!query->cancelled) run_slice(query);
        }
    }

    void run_slice(const RunningQueryPtr& query) {
        QueryPage answer;
        const SteadyTime begin = steady_clock::now();
        const std::chrono::nanoseconds left = options.query_timeout - query->used;
        if (left <= std::chrono::nanoseconds::zero()) {
            answer.error = Errc::timed_out;
        } else {
            answer.error =
                scan_slice(*query, begin + std::min<std::chrono::nanoseconds>(options.slice, left),
                           answer.page);
            runnables->metrics.slices.add();
        }
        query->used += steady_clock::now() - begin;
        if (query->scan) answer.mark = query->scan->mark();
        if (answer.error) {
            answer.page.clear();
        } else if (answer.page.rows.empty() && !answer.page.done) {
            return runnables->push(query);  // nothing found yet: the others get their turn
        }
        const bool last = answer.error || answer.page.done;
        if (last) {
            query->scan.reset();
            runnables->metrics.query_seconds.observe(steady_clock::now() - query->started);
            runnables->count_out(*query);
        }
        // A task must be copyable.
        auto page = std::make_shared<QueryPage>(std::move(answer));
        query->home.post([query, page = std::move(page)] { query->deliver(std::move(*page)); });
    }

    base::error_code scan_slice(RunningQuery& query, SteadyTime deadline, ScanPage& page) {
        try {
            if (!query.scan)
                query.scan = store.scan(std::move(query.filters), std::move(query.options));
            return query.scan->next(
                {deadline, options.page_rows, options.page_bytes, &query.cancelled}, page);
        } catch (const std::exception& error) {  // out of memory
            base::log::error("store-reader: a query failed: {}", error.what());
            return Errc::store_unavailable;
        }
    }

    void stop() {
        runnables->stop();
        for (std::thread& thread : threads) {
            if (thread.joinable()) thread.join();
        }
    }

    EventStore& store;
    const ReadersOptions options;
    const std::shared_ptr<Runnables> runnables;
    std::vector<std::thread> threads;
};

Readers::Readers(EventStore& store, base::MetricsRegistry& metrics, ReadersOptions options)
    : impl_(std::make_unique<Impl>(store, metrics, options)) {}
Readers::~Readers() { stop(); }

std::shared_ptr<Query> Readers::start(std::vector<Filter> filters, ScanOptions options,
                                      base::TaskQueue& home, OnPage on_page) {
    auto query = std::make_shared<RunningQuery>(std::move(filters), std::move(options), home,
                                                std::move(on_page));
    impl_->runnables->count_in();
    impl_->runnables->push(query);
    return std::make_shared<QueryHandle>(std::move(query), impl_->runnables);
}

void Readers::stop() { impl_->stop(); }

}  // namespace parrhesia::store
