// The embedded store: ties the journal, the recent events and the indexes together.
//
//   put():   Admission -> Journal::append -> RecentEvents -> results
//   indexer: RecentEvents -> LmdbStore::index -> both forget the events; LmdbStore::upkeep and
//            retain, which nobody waits for
//   scan():  LmdbScan over the indexes and the RecentEvents
#pragma once

#include "parrhesia/store/embedded_store.hpp"

#include "store/journal/journal.hpp"
#include "store/lmdb/store.hpp"
#include "store/recent/recent_events.hpp"
#include "store/rules/recent_keys.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

namespace parrhesia::store {

class EmbeddedStore final : public EventStore {
  public:
    explicit EmbeddedStore(const EmbeddedOptions& options);
    // Puts what is left into the indexes and removes the journal.
    ~EmbeddedStore() override;
    EmbeddedStore(const EmbeddedStore&) = delete;
    EmbeddedStore& operator=(const EmbeddedStore&) = delete;

    [[nodiscard]] std::vector<PutResult> put(std::span<const EventPtr> batch) override;
    [[nodiscard]] std::unique_ptr<Scan> scan(std::vector<Filter> filters,
                                             ScanOptions options) override;
    using EventStore::scan;
    [[nodiscard]] base::error_code writable() const noexcept override;
    [[nodiscard]] StoreStats stats() const override;

  private:
    // --- the thread of put() ---
    [[nodiscard]] bool open_journal();
    void recover();
    [[nodiscard]] base::error_code wait_for_room();
    [[nodiscard]] base::error_code put_batch(std::span<const EventPtr> batch,
                                             std::span<PutResult> results);
    [[nodiscard]] base::error_code decide(std::span<const EventPtr> batch,
                                          std::span<PutResult> results,
                                          std::vector<SequencedEvent>& accepted, RecentKeys& keys);
    void publish(std::span<const SequencedEvent> accepted, RecentKeys&& keys) noexcept;
    void note_trouble(base::Errc errc, std::string_view why);

    // --- the indexer's thread ---
    void run_indexer();
    [[nodiscard]] bool is_urgent() const noexcept;  // with mutex_ held
    void do_background_step(base::SteadyTime now);
    // Puts one batch into the indexes; `lock` is open meanwhile.
    void index_waiting(std::unique_lock<std::mutex>& lock);
    [[nodiscard]] base::error_code index_batch(std::uint64_t from, std::uint64_t to,
                                               std::size_t size,
                                               std::vector<SequencedEvent>& batch) noexcept;

    [[nodiscard]] bool batch_is_full() const noexcept;  // with mutex_ held

    const EmbeddedOptions options_;
    lmdb::LmdbStore indexes_;
    RecentEvents recent_;
    std::atomic<base::Errc> trouble_{};  // why the journal could not be written; 0 when it could

    // owned by the thread of put()
    std::optional<journal::Journal> journal_;  // none while the folder cannot be written
    std::uint64_t next_seq_ = 1;

    // owned by the indexer's thread
    std::optional<lmdb::RetentionWalk> retention_;  // none: there are no rules
    base::SteadyTime upkeep_at_;                    // the next step
    base::SteadyTime retention_at_;
    base::SteadyTime retention_began_ = std::chrono::steady_clock::now();  // the pass

    std::mutex keys_mutex_;  // held while a batch is decided, and while the indexer takes keys out
    RecentKeys keys_;        // guarded by keys_mutex_

    mutable std::mutex mutex_;
    // guarded by mutex_
    std::condition_variable work_;  // for the indexer
    std::condition_variable done_;  // for put(): the indexer has tried
    std::uint64_t last_seq_ = 0;    // published
    std::uint64_t indexed_seq_ = 0;
    std::size_t waiting_bytes_ = 0;     // of the events that wait for the indexes
    std::size_t batch_size_ = 1;        // of the next batch, in those of the options
    std::uint64_t attempts_begun_ = 0;  // of the indexer, to write a batch
    std::uint64_t attempts_ended_ = 0;
    base::error_code index_error_;  // of the last attempt
    bool hurry_ = false;
    bool stopping_ = false;

    std::thread indexer_;
};

}  // namespace parrhesia::store
