#include "store/lmdb/retention_walk.hpp"

#include "store/lmdb/cursor.hpp"
#include "store/lmdb/removal.hpp"

#include <lmdb.h>

#include <algorithm>
#include <string_view>

namespace parrhesia::store::lmdb {
namespace {

constexpr std::size_t kGroupBytes = 32 + 2;  // pubkey and kind

// The first key behind all that begin with `prefix`; empty: there is none.
[[nodiscard]] std::string behind(std::string prefix) {
    while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
    if (!prefix.empty()) ++prefix.back();
    return prefix;
}

}  // namespace

int RetentionWalk::step(Transaction& txn, std::int64_t now, Step& result) {
    result = Step();
    doomed_.clear();
    int code = look(txn, now, result.pass_done);
    std::string record;
    for (const std::uint64_t seq : doomed_) {
        if (code != 0) return code;
        code = remove_event(txn, seq, record);
        if (code == 0) ++result.removed;
        if (code == MDB_NOTFOUND) code = 0;
    }
    return code;
}

int RetentionWalk::look(Transaction& txn, std::int64_t now, bool& pass_done) {
    Cursor cursor;
    int code = cursor.open(txn, txn.environment().index(Index::author_kind));
    if (code != 0) return code;
    MDB_val key = to_val(next_key_);
    MDB_val value{};
    code =
        mdb_cursor_get(cursor.get(), &key, &value, next_key_.empty() ? MDB_FIRST : MDB_SET_RANGE);
    for (std::size_t looks = 0; code == 0; ++looks) {
        const std::string_view text = to_view(key);
        if (text.size() != kGroupBytes + SortKey::kSize || value.mv_size != 8) return MDB_CORRUPTED;
        if (looks == kLooks || doomed_.size() == kRemovals) {
            next_key_ = text;
            return 0;
        }
        const std::string_view group = text.substr(0, kGroupBytes);
        const Kind kind = read_u16(group.data() + 32);
        if (!rules_.covers(kind)) {  // on to the next kind of this author, or the next author
            next_key_ = behind(std::string(group));
            if (next_key_.empty()) break;
            key = to_val(next_key_);
            code = mdb_cursor_get(cursor.get(), &key, &value, MDB_SET_RANGE);
            continue;
        }
        if (group != group_) {
            group_ = group;
            in_group_ = 0;
        }
        ++in_group_;
        const SortKey at = SortKey::read(text.data() + kGroupBytes);
        if (!rules_.keeps(kind, at.created_at(), in_group_, now)) {
            doomed_.push_back(read_u64(static_cast<const char*>(value.mv_data)));
        }
        code = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT);
    }
    if (code != 0 && code != MDB_NOTFOUND) return code;
    restart();
    pass_done = true;
    return 0;
}

void RetentionWalk::restart() noexcept {
    next_key_.clear();
    group_.clear();
    in_group_ = 0;
}

}  // namespace parrhesia::store::lmdb
