// The embedded store: ties the environment, the batches and the scans together.
#pragma once

#include "parrhesia/store/lmdb_store.hpp"

#include "store/lmdb/environment.hpp"

#include <atomic>
#include <memory>
#include <span>
#include <vector>

namespace parrhesia::store::lmdb {

class LmdbStore final : public EventStore {
  public:
    explicit LmdbStore(const LmdbOptions& options) : environment_(options) {}

    [[nodiscard]] std::vector<PutResult> put(std::span<const EventPtr> batch) override;
    [[nodiscard]] std::unique_ptr<Scan> scan(std::vector<Filter> filters) override;
    [[nodiscard]] base::error_code writable() const noexcept override;
    [[nodiscard]] StoreStats stats() const override;

    [[nodiscard]] Environment& environment() noexcept { return environment_; }

  private:
    void put_part(std::span<const EventPtr> events, std::span<PutResult> results);
    [[nodiscard]] int put_once(std::span<const EventPtr> events, std::span<PutResult> results);
    void fail(std::span<PutResult> results, base::Errc errc, std::string_view why);
    void note_success();

    mutable Environment environment_;
    std::atomic<base::Errc> trouble_{};  // why the last put() failed; 0 when it did not
};

}  // namespace parrhesia::store::lmdb
