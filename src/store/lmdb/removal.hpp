// Takes an event out of the store.
#pragma once

#include "store/lmdb/transaction.hpp"

#include <cstdint>
#include <string>

namespace parrhesia::store::lmdb {

// Removes an event with all its index entries. `record` is then its record. MDB_NOTFOUND: there is
// no such event. After any other result but 0 the transaction must be aborted.
[[nodiscard]] int remove_event(Transaction& txn, std::uint64_t seq, std::string& record);

}  // namespace parrhesia::store::lmdb
