// The PostgreSQL store: ties the parts of this folder together.
//
//   put():          WriteBatch on the connection for writing
//   scan():         PostgresScan on connections of the pool
//   store-postgres: connects, tells whether the database is away, Upkeep
#pragma once

#include "parrhesia/store/postgres_store.hpp"

#include "store/postgres/database.hpp"
#include "store/postgres/pool.hpp"
#include "store/postgres/replicas.hpp"
#include "store/postgres/scan.hpp"
#include "store/postgres/upkeep.hpp"
#include "store/postgres/write_batch.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace parrhesia::store::postgres {

class PostgresStore final : public EventStore {
  public:
    explicit PostgresStore(const PostgresOptions& options);
    ~PostgresStore() override;
    PostgresStore(const PostgresStore&) = delete;
    PostgresStore& operator=(const PostgresStore&) = delete;

    [[nodiscard]] std::vector<PutResult> put(std::span<const EventPtr> batch) override;
    [[nodiscard]] std::unique_ptr<Scan> scan(std::vector<Filter> filters,
                                             ScanOptions options) override;
    using EventStore::scan;
    [[nodiscard]] base::error_code writable() const noexcept override;
    [[nodiscard]] StoreStats stats() const override;

  private:
    // --- the thread of put() ---
    // One transaction, and what came of it in `results`.
    void put_into(std::span<const EventPtr> batch, std::span<PutResult> results);
    [[nodiscard]] base::error_code put_halves(std::span<const EventPtr> batch,
                                              std::span<PutResult> results);
    [[nodiscard]] base::error_code put_part(std::span<const EventPtr> batch,
                                            std::span<PutResult> results);
    void raise_fence();
    void remember_unknown(const WriteBatch& write, std::span<const EventPtr> batch);
    void recognize_unknown(std::span<const EventPtr> batch, std::span<PutResult> results);
    [[nodiscard]] base::error_code meaning_of(const DatabaseError& error);
    void note_trouble(base::Errc errc, std::string_view why);

    // --- the thread "store-postgres" ---
    void run_keeper();
    // Connects, and sees to the schema. Errors: DatabaseError, std::runtime_error.
    void connect_control();
    void tend();
    void check_alive();
    [[nodiscard]] std::chrono::milliseconds next_backoff();

    // Null without a registry.
    struct Metrics {
        base::Gauge* up = nullptr;
        base::Gauge* usable_replicas = nullptr;
        base::Counter* connects = nullptr;
        base::Counter* failed_connects = nullptr;
        base::Counter* retries = nullptr;
    };
    [[nodiscard]] static Metrics metrics_in(base::MetricsRegistry* registry);

    Database database_;
    const Metrics metrics_;
    const ConnectionOptions reader_options_;
    mutable ConnectionPool readers_;
    Replicas replicas_;
    std::atomic<Lsn> fence_{0};  // how far the log was after our last commit; only with replicas
    mutable ReadSources sources_;
    std::unique_ptr<Connection> writer_;  // owned by the thread of put()
    struct Unknown {
        std::uint64_t first_seq = 0;
        std::uint64_t xid = 0;
    };
    // Events whose COMMIT has not been answered; owned by the thread of put().
    std::unordered_map<Id, Unknown> unknown_;
    std::atomic<base::Errc> trouble_{base::Errc{}};

    // owned by the keeper, once it runs
    std::unique_ptr<Connection> control_;
    Upkeep upkeep_;
    std::chrono::milliseconds backoff_{0};

    mutable std::mutex stats_mutex_;
    mutable StoreStats last_stats_;  // guarded by stats_mutex_

    std::atomic<bool> stopping_{false};
    std::thread keeper_;
};

}  // namespace parrhesia::store::postgres
