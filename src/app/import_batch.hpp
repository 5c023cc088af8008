// A run of input lines on its way to the store, and the threads that check them: format, limits,
// signature.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/parse.hpp"
#include "parrhesia/policy/limits.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace parrhesia::app {

struct ImportBatch {
    struct Line {
        std::uint64_t number = 0;
        std::size_t offset = 0;  // into `text`
        std::size_t size = 0;
        bool too_long = false;  // then its text is not here
    };
    std::string text;
    std::vector<Line> lines;
    std::uint64_t end_of_input_bytes = 0;  // where the next batch begins

    // Made by check_batch(), one for each line.
    std::vector<base::Checked<event::EventPtr>> results;
};

// What an imported event must be. The window of created_at is for live events only, so it is not
// looked at; old events are what imports are for.
// Protected events are taken only if `with_protected` (NIP-70).
void check_batch(event::JsonReader& json, const policy::Limits& limits, bool with_protected,
                 ImportBatch& batch);

// Threading: submit() from one thread; the batch belongs to the checker until the future is ready.
class BatchChecker {
  public:
    BatchChecker(unsigned threads, const policy::Limits& limits, bool with_protected);
    ~BatchChecker();  // drops what has not begun
    BatchChecker(const BatchChecker&) = delete;
    BatchChecker& operator=(const BatchChecker&) = delete;

    [[nodiscard]] std::future<void> submit(std::shared_ptr<ImportBatch> batch);

  private:
    struct Job {
        std::shared_ptr<ImportBatch> batch;
        std::promise<void> done;
    };
    void run();

    const policy::Limits limits_;
    const bool with_protected_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    // guarded by mutex_
    std::condition_variable wake_;
    std::deque<Job> jobs_;
    bool stopped_ = false;
};

}  // namespace parrhesia::app
