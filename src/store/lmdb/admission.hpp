// Decides what becomes of the events of one batch: stored with a seq, a duplicate, or superseded.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/lmdb/keys.hpp"
#include "store/lmdb/recent_keys.hpp"
#include "store/lmdb/transaction.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace parrhesia::store {

// Lives for one batch. What it decides counts once the accepted events are durable.
//
// Lifetime: not beyond `known` and `txn`, a snapshot of the indexes no older than `known`.
class Admission {
  public:
    Admission(const RecentKeys& known, const lmdb::Transaction& txn, std::uint64_t next_seq)
        : known_(known), txn_(txn), next_seq_(next_seq) {}

    // Puts one result per event, as if the accepted ones were durable. Returns 0 or a code of LMDB.
    [[nodiscard]] int decide(std::span<const EventPtr> batch, std::span<PutResult> results);

    // What is to be stored, and its keys. Once, after decide().
    [[nodiscard]] std::vector<SequencedEvent> take_accepted() noexcept {
        return std::move(accepted_);
    }
    [[nodiscard]] RecentKeys take_keys() noexcept { return std::move(keys_); }

  private:
    [[nodiscard]] int decide_one(const EventPtr& event, PutResult& result);
    [[nodiscard]] int find_id(const Id& id, std::optional<std::uint64_t>& seq) const;
    [[nodiscard]] int find_version(const lmdb::KeyBuffer& address,
                                   std::optional<StoredVersion>& version) const;

    const RecentKeys& known_;
    const lmdb::Transaction& txn_;
    std::uint64_t next_seq_;
    std::vector<SequencedEvent> accepted_;
    RecentKeys keys_;
};

}  // namespace parrhesia::store
