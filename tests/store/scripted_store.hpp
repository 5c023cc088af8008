// A store that does what a test tells it, for the threads around stores.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

namespace parrhesia::test {

class ScriptedStore final : public store::EventStore {
  public:
    using Slice = std::function<base::error_code(const store::ScanBudget&, store::ScanPage&)>;

    std::vector<store::PutResult> put(std::span<const event::EventPtr> batch) override {
        std::unique_lock lock(mutex_);
        ++puts_begun_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return !held_; });
        batches_.emplace_back(batch.begin(), batch.end());
        std::vector<store::PutResult> results;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            results.push_back({outcome, {++seq_}, {}});
        }
        return results;
    }
    std::unique_ptr<store::Scan> scan(std::vector<event::Filter>, store::ScanOptions) override {
        const std::scoped_lock lock(mutex_);
        return std::make_unique<ScriptedScan>(slices.at(scans_++));
    }
    base::error_code writable() const noexcept override { return {}; }
    store::StoreStats stats() const override { return {}; }

    // put() waits from now on, or goes on.
    void hold(bool held) {
        {
            const std::scoped_lock lock(mutex_);
            held_ = held;
        }
        changed_.notify_all();
    }
    void wait_for_put(int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return puts_begun_ >= count; });
    }
    std::vector<std::vector<event::EventPtr>> batches() {
        const std::scoped_lock lock(mutex_);
        return batches_;
    }

    store::PutStatus outcome = store::PutStatus::stored;
    std::vector<Slice> slices;  // of the first scan, the second, ...

  private:
    class ScriptedScan final : public store::Scan {
      public:
        explicit ScriptedScan(Slice slice) : slice_(std::move(slice)) {}
        base::error_code next(const store::ScanBudget& budget, store::ScanPage& page) override {
            page.clear();
            return slice_(budget, page);
        }
        base::Mark mark() const noexcept override { return base::Mark(42); }

      private:
        Slice slice_;
    };

    std::mutex mutex_;
    // guarded by mutex_
    std::condition_variable changed_;
    bool held_ = false;
    int puts_begun_ = 0;
    std::size_t scans_ = 0;
    std::uint64_t seq_ = 0;
    std::vector<std::vector<event::EventPtr>> batches_;
};

}  // namespace parrhesia::test
