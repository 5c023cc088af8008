// The one way to change a store: a transaction that is done again in a larger map when it was full.
#pragma once

#include "store/lmdb/transaction.hpp"

namespace parrhesia::store::lmdb {

// Runs work(Transaction&), which returns 0 or a code of LMDB, and commits. Returns 0 or a code.
template <class Work>
[[nodiscard]] int write(Environment& environment, const Work& work) {
    for (;;) {
        int code = 0;
        {
            Transaction txn(environment);
            code = txn.begin(Transaction::Mode::write);
            if (code == 0) code = work(txn);
            if (code == 0) code = txn.commit();
        }
        if (code != MDB_MAP_FULL) return code;
        code = environment.grow();
        if (code != 0) return code;
    }
}

}  // namespace parrhesia::store::lmdb
