// Which requests to vanish are under way in the indexes, so that scans hide what is still there.
#pragma once

#include "store/lmdb/transaction.hpp"
#include "store/rules/vanish.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

namespace parrhesia::store::lmdb {

// Whether there may be any: a scan reads the list only then.
//
// Threading: any thread. `started` rises before a request gets into the indexes; `finished` is set
// to what `started` was before a look that found none there. So a snapshot has none if, of
// `finished` before the snapshot and `started` after it, both are equal.
struct VanishMarks {
    std::atomic<std::uint64_t> started{1};  // nobody has looked yet
    std::atomic<std::uint64_t> finished{0};
};

// The requests in this snapshot. Returns 0 or a code of LMDB.
[[nodiscard]] int read_vanishes(const Transaction& txn, std::vector<Vanish>& vanishes);
// The first of them only.
[[nodiscard]] int read_first_vanish(const Transaction& txn, std::vector<Vanish>& vanishes);

}  // namespace parrhesia::store::lmdb
