// A store in memory: the naive oracle of the store's rules, with switches for what goes wrong.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include <atomic>
#include <mutex>
#include <vector>

namespace parrhesia::test {

// Threading: as EventStore asks; the switches from any thread.
class MemoryStore final : public store::EventStore {
  public:
    [[nodiscard]] std::vector<store::PutResult> put(
        std::span<const event::EventPtr> batch) override;
    [[nodiscard]] std::unique_ptr<store::Scan> scan(std::vector<event::Filter> filters,
                                                    store::ScanOptions options) override;
    using EventStore::scan;
    [[nodiscard]] base::error_code writable() const noexcept override;
    [[nodiscard]] store::StoreStats stats() const override;

    std::atomic<bool> fail_puts{false};
    std::atomic<bool> fail_scans{false};
    // While true, a scan waits before it looks at the store (its snapshot is not taken yet).
    std::atomic<bool> hold_scans{false};
    // While true, put() waits.
    std::atomic<bool> hold_puts{false};
    std::atomic<unsigned> scans_begun{0};

  private:
    friend class MemoryScan;
    struct Stored {
        event::EventPtr event;
        std::uint64_t seq = 0;
    };

    mutable std::mutex mutex_;
    // guarded by mutex_
    std::vector<Stored> stored_;
    std::uint64_t last_seq_ = 0;
};

}  // namespace parrhesia::test
