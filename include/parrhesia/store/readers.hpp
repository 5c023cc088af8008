// The threads that run stored queries in time slices, so that a long scan never delays a short one.
#pragma once

#include "parrhesia/base/metrics.hpp"
#include "parrhesia/base/task_queue.hpp"
#include "parrhesia/store/event_store.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace parrhesia::store {

struct ReadersOptions {
    unsigned threads = 2;
    std::chrono::microseconds slice{5000};  // of one query before the next gets its turn
    std::chrono::milliseconds query_timeout{
        30'000};  // reader time of one query, all slices together
    std::size_t page_rows = 1000;
    std::size_t page_bytes = 128 * 1024;
};

// What a query has to say, on the thread of its home queue.
struct QueryPage {
    ScanPage page;
    base::Mark mark;
    base::error_code error;  // set: the query is over and `page` is empty
};

// A running query. At most one page is under way: the next slice runs after more().
//
// Threading: the methods belong to the home thread.
class Query {
  public:
    virtual ~Query() = default;
    // Asks for the next page; once per page received that was not `done`.
    virtual void more() = 0;
    // No callback comes after it, not even one that is already posted.
    virtual void cancel() = 0;
};

// Threading: start() from any thread; construction, stop() and destruction from one.
class Readers {
  public:
    using OnPage = std::function<void(QueryPage)>;

    // `store` and `metrics` outlive it. Starts the threads "store-reader-N".
    Readers(EventStore& store, base::MetricsRegistry& metrics, ReadersOptions options);
    ~Readers();  // stop()
    Readers(const Readers&) = delete;
    Readers& operator=(const Readers&) = delete;

    // Runs the first slice soon. `on_page` runs on `home`, which outlives stop(); a page without
    // rows comes only when the query is done or has failed. Destroying the returned query cancels
    // it.
    [[nodiscard]] std::shared_ptr<Query> start(std::vector<Filter> filters, ScanOptions options,
                                               base::TaskQueue& home, OnPage on_page);
    // Everything, as JSON.
    [[nodiscard]] std::shared_ptr<Query> start(std::vector<Filter> filters, base::TaskQueue& home,
                                               OnPage on_page) {
        return start(std::move(filters), ScanOptions(), home, std::move(on_page));
    }

    // Ends the threads; queries under way are dropped without a word. Idempotent.
    void stop();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parrhesia::store
