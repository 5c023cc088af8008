#include "store/lmdb/error.hpp"

#include <lmdb.h>

#include <cerrno>
#include <system_error>

namespace parrhesia::store::lmdb {

base::Errc meaning_of(int code) noexcept {
    switch (code) {
        case MDB_CORRUPTED:
        case MDB_PAGE_NOTFOUND:
        case MDB_INVALID:
        case MDB_VERSION_MISMATCH:
        case MDB_INCOMPATIBLE:
        case MDB_KEYEXIST:  // of a key that the id index says is new
        case MDB_NOTFOUND:  // of a key that another database promises
        case MDB_BAD_VALSIZE:
            return base::Errc::store_damaged;
        case MDB_MAP_FULL:
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case EIO:
        case EROFS:
        case EACCES:
        case EPERM:
            return base::Errc::store_not_writable;
        default:
            return base::Errc::store_unavailable;
    }
}

std::string text_of(int code) {
    // mdb_strerror() calls strerror() for an errno, which is not thread-safe everywhere.
    if (code > 0) return std::generic_category().message(code);
    return mdb_strerror(code);
}

}  // namespace parrhesia::store::lmdb
