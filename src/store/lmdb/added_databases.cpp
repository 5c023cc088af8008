#include "store/lmdb/added_databases.hpp"

#include "store/lmdb/cursor.hpp"
#include "store/lmdb/keys.hpp"
#include "store/lmdb/transaction.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace parrhesia::store::lmdb {
namespace {

// Reads every event of a store that is older than its index of expirations, once.
[[nodiscard]] int fill_expirations(MDB_txn* txn, MDB_dbi events, MDB_dbi expirations) {
    std::vector<ExpirationKey> keys;
    MDB_cursor* raw = nullptr;
    int code = mdb_cursor_open(txn, events, &raw);
    if (code != 0) return code;
    {
        const std::unique_ptr<MDB_cursor, CloseCursor> cursor(raw);
        MDB_val key{};
        MDB_val value{};
        while ((code = mdb_cursor_get(raw, &key, &value, MDB_NEXT)) == 0) {
            // A damaged record is the check's affair.
            const auto event = EventView::from_record(to_view(value));
            if (!event || event->expiration() == 0 || key.mv_size != 8) continue;
            keys.emplace_back(event->expiration(), read_u64(to_view(key).data()));
        }
    }
    if (code != MDB_NOTFOUND) return code;
    for (const ExpirationKey& entry : keys) {
        MDB_val key = to_val(entry.view());
        MDB_val nothing = to_val({});
        code = mdb_put(txn, expirations, &key, &nothing, 0);
        if (code != 0) return code;
    }
    return 0;
}

}  // namespace

int open_added_databases(MDB_txn* txn, AddedDatabases& databases) {
    for (const auto& [name, database] : {std::pair{kTombstoneDatabase, &databases.tombstones},
                                         std::pair{kExpirationDatabase, &databases.expirations}}) {
        const int code = mdb_dbi_open(txn, name, 0, database);
        if (code == MDB_NOTFOUND) *database = kNoDatabase;
        if (code != 0 && code != MDB_NOTFOUND) return code;
    }
    return 0;
}

int make_added_databases(MDB_env* env, MDB_dbi events, AddedDatabases& databases) {
    MDB_txn* txn = nullptr;
    int code = mdb_txn_begin(env, nullptr, 0, &txn);
    if (code != 0) return code;
    AddedDatabases made = databases;
    if (made.tombstones == kNoDatabase) {
        code = mdb_dbi_open(txn, kTombstoneDatabase, MDB_CREATE, &made.tombstones);
    }
    if (code == 0 && made.expirations == kNoDatabase) {
        code = mdb_dbi_open(txn, kExpirationDatabase, MDB_CREATE, &made.expirations);
        if (code == 0) code = fill_expirations(txn, events, made.expirations);
    }
    if (code != 0) {
        mdb_txn_abort(txn);
        return code;
    }
    code = mdb_txn_commit(txn);
    if (code == 0) databases = made;
    return code;
}

}  // namespace parrhesia::store::lmdb
