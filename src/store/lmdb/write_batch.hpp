// Stores a batch of events inside one transaction: duplicates, replacement, all index entries.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/lmdb/transaction.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace parrhesia::store::lmdb {

// Removes an event with all its index entries. `record` is room to work in. MDB_NOTFOUND: there is
// no such event.
[[nodiscard]] int remove_event(Transaction& txn, std::uint64_t seq, std::string& record);

// Lives for one transaction. Nothing of it counts until that transaction has been committed.
//
// Errors: methods return 0 or a code of LMDB; the transaction must then be aborted.
class WriteBatch {
  public:
    explicit WriteBatch(Transaction& txn) noexcept : txn_(txn) {}

    // Puts one result per event.
    [[nodiscard]] int put(std::span<const EventPtr> events, std::span<PutResult> results);

  private:
    [[nodiscard]] int put_one(const EventView& event, PutResult& result);
    [[nodiscard]] int insert(const EventView& event, std::uint64_t seq);
    // The stored version of the event's address: 0 when there is none or `event` wins and it is
    // gone.
    [[nodiscard]] int settle_address(const EventView& event, bool& superseded);

    Transaction& txn_;
    std::uint64_t next_seq_ = 0;
    std::string removed_record_;
};

}  // namespace parrhesia::store::lmdb
