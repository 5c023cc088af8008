// The databases that the first stores did not have: they are made when such a store is opened for
// writing.
#pragma once

#include <lmdb.h>

namespace parrhesia::store::lmdb {

inline constexpr const char* kTombstoneDatabase = "tombstone";
inline constexpr const char* kExpirationDatabase = "expiration";
// In place of a database that is missing in a store opened for reading: that of LMDB's free pages,
// which no one asks for by a name.
inline constexpr MDB_dbi kNoDatabase = 0;

struct AddedDatabases {
    MDB_dbi tombstones = kNoDatabase;   // tombstones.hpp
    MDB_dbi expirations = kNoDatabase;  // expiration (8), seq (8), big-endian -> nothing
};

// Opens those that are there; the transaction must be committed. Returns 0 or a code of LMDB.
[[nodiscard]] int open_added_databases(MDB_txn* txn, AddedDatabases& databases);

// Makes those that are missing, with what belongs in them, in a transaction of its own. `events` is
// the database of the events. Returns 0 or a code of LMDB; MDB_MAP_FULL: again in a larger map.
[[nodiscard]] int make_added_databases(MDB_env* env, MDB_dbi events, AddedDatabases& databases);

}  // namespace parrhesia::store::lmdb
