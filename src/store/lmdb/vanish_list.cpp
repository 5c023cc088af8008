#include "store/lmdb/vanish_list.hpp"

#include "store/lmdb/cursor.hpp"
#include "store/rules/tombstones.hpp"

#include <limits>

namespace parrhesia::store::lmdb {
namespace {

[[nodiscard]] int read(const Transaction& txn, std::size_t most, std::vector<Vanish>& vanishes) {
    const MDB_dbi database = txn.environment().tombstones();
    if (database == kNoDatabase) return 0;
    Cursor cursor;
    int code = cursor.open(txn, database);
    if (code != 0) return code;
    MDB_val key = to_val({&kVanishWork, 1});
    MDB_val value{};
    code = mdb_cursor_get(cursor.get(), &key, &value, MDB_SET_RANGE);
    while (code == 0 && to_view(key).front() == kVanishWork && vanishes.size() < most) {
        const auto vanish = read_vanish_work(to_view(key), to_view(value));
        if (!vanish) return MDB_CORRUPTED;
        vanishes.push_back(*vanish);
        code = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT);
    }
    return code == MDB_NOTFOUND ? 0 : code;
}

}  // namespace

int read_vanishes(const Transaction& txn, std::vector<Vanish>& vanishes) {
    return read(txn, std::numeric_limits<std::size_t>::max(), vanishes);
}

int read_first_vanish(const Transaction& txn, std::vector<Vanish>& vanishes) {
    return read(txn, 1, vanishes);
}

}  // namespace parrhesia::store::lmdb
