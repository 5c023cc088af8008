#include "store/lmdb/truncation.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <set>

namespace parrhesia::store::lmdb {
namespace {

constexpr MDB_dbi kFreePages = 0;  // LMDB's own database: transaction id -> count, page numbers

// Takes every page that LMDB lists as free out of `pages`. Returns 0 or an LMDB code.
[[nodiscard]] int remove_free_pages(MDB_env* env, std::set<std::size_t>& pages) {
    MDB_txn* txn = nullptr;
    int code = mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn);
    if (code != 0) return code;
    MDB_cursor* cursor = nullptr;
    code = mdb_cursor_open(txn, kFreePages, &cursor);
    if (code == 0) {
        MDB_val key{};
        MDB_val list{};
        while ((code = mdb_cursor_get(cursor, &key, &list, MDB_NEXT)) == 0) {
            const char* bytes = static_cast<const char*>(list.mv_data);
            for (std::size_t at = sizeof(std::size_t); at + sizeof(std::size_t) <= list.mv_size;
                 at += sizeof(std::size_t)) {
                std::size_t page = 0;
                std::memcpy(&page, bytes + at, sizeof page);
                pages.erase(page);
            }
        }
        mdb_cursor_close(cursor);
        if (code == MDB_NOTFOUND) code = 0;
    }
    mdb_txn_abort(txn);
    return code;
}

}  // namespace

bool extend_file(MDB_env* env, std::uint64_t missing) noexcept {
    int descriptor = -1;
    struct stat status {};
    if (mdb_env_get_fd(env, &descriptor) != 0 || ::fstat(descriptor, &status) != 0) return false;
    return ::ftruncate(descriptor, status.st_size + static_cast<off_t>(missing)) == 0;
}

bool fill_gap_if_unused(MDB_env* env) {
    int descriptor = -1;
    struct stat status {};
    MDB_envinfo info{};
    MDB_stat shape{};
    if (mdb_env_get_fd(env, &descriptor) != 0 || ::fstat(descriptor, &status) != 0 ||
        mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &shape) != 0) {
        return false;
    }
    const std::uint64_t page_size = shape.ms_psize;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    std::set<std::size_t> missing;
    for (std::size_t page = size / page_size; page <= info.me_last_pgno; ++page) {
        missing.insert(page);
    }
    // The zeros keep LMDB from reading past the end of the file, which would be a SIGBUS. A page of
    // zeros is no page of a tree: where the list of free pages itself is cut, LMDB reports damage.
    if (!extend_file(env, (info.me_last_pgno + 1) * page_size - size)) return false;
    const int code = remove_free_pages(env, missing);
    if (code == 0 && missing.empty()) return true;
    [[maybe_unused]] const int restored = ::ftruncate(descriptor, status.st_size);
    return false;
}

}  // namespace parrhesia::store::lmdb
