// A cursor of LMDB that closes itself.
#pragma once

#include "store/lmdb/transaction.hpp"

#include <lmdb.h>

#include <memory>

namespace parrhesia::store::lmdb {

struct CloseCursor {
    void operator()(MDB_cursor* cursor) const noexcept { mdb_cursor_close(cursor); }
};

// Lifetime: not beyond its transaction.
class Cursor {
  public:
    // Returns 0 or a code of LMDB.
    [[nodiscard]] int open(const Transaction& txn, MDB_dbi database) {
        MDB_cursor* raw = nullptr;
        const int code = mdb_cursor_open(txn.handle(), database, &raw);
        cursor_.reset(raw);
        return code;
    }
    [[nodiscard]] MDB_cursor* get() const noexcept { return cursor_.get(); }

  private:
    std::unique_ptr<MDB_cursor, CloseCursor> cursor_;
};

}  // namespace parrhesia::store::lmdb
