#include "store/lmdb/upkeep.hpp"

#include "store/lmdb/cursor.hpp"
#include "store/lmdb/removal.hpp"
#include "store/lmdb/write.hpp"
#include "store/rules/tombstones.hpp"

#include <utility>

namespace parrhesia::store::lmdb {
namespace {

// Of one step: some milliseconds of the one thread that also feeds the indexes.
constexpr std::size_t kMostRemoved = 200;
constexpr std::size_t kMostLookedAt = 2000;

}  // namespace

bool Upkeep::Targets::full() const noexcept {
    return seqs.size() >= kMostRemoved || looked_at >= kMostLookedAt;
}

int Upkeep::step(std::int64_t now_unix_seconds, bool& more) {
    more = false;
    return has_vanishes() ? vanish_step(now_unix_seconds, more)
                          : expiry_step(now_unix_seconds, more);
}

int Upkeep::vanish_step(std::int64_t now, bool& more) {
    const std::uint64_t started = marks_.started.load();
    std::vector<Vanish> first;
    Walk walk;
    std::uint64_t removed = 0;
    const int code = write(environment_, [&](Transaction& txn) {
        first.clear();
        removed = 0;
        int result = read_first_vanish(txn, first);
        if (result != 0 || first.empty()) return result;
        const Vanish& vanish = first.front();
        walk = walk_;
        if (walk.request != vanish.seq) {
            walk = {vanish.seq, Walk::Stage::author, SortKey::first_of(vanish.until)};
        }
        const bool are_wraps = walk.stage == Walk::Stage::wraps;
        Targets targets;
        result = collect(txn, vanish, walk, targets);
        if (result != 0) return result;
        return remove_vanished(txn, vanish, are_wraps, targets, removed);
    });
    if (code != 0) return code;
    vanished_ += removed;
    walk_ = walk;
    if (first.empty()) {
        marks_.finished.store(started);
        return expiry_step(now, more);
    }
    if (walk.stage != Walk::Stage::over) {
        more = true;
        return 0;
    }
    const int end_code = write(environment_, [&](Transaction& txn) {
        const KeyBuffer key = vanish_work_key(first.front().author.view());
        std::string_view value;
        const int result = txn.get(environment_.tombstones(), key.view(), value);
        if (result != 0) return result == MDB_NOTFOUND ? 0 : result;
        const auto vanish = read_vanish_work(key.view(), value);
        if (!vanish) return MDB_CORRUPTED;
        // A later request of the same author may have come meanwhile.
        return vanish->seq == walk.request ? txn.remove(environment_.tombstones(), key.view()) : 0;
    });
    more = end_code == 0;
    return end_code;
}

// The author's events first, from `until` back; then the gift wraps to the author. A step has only
// one sort of them.
int Upkeep::collect(const Transaction& txn, const Vanish& vanish, Walk& walk,
                    Targets& targets) const {
    const bool are_wraps = walk.stage == Walk::Stage::wraps;
    const Index index = are_wraps ? Index::tag : Index::author;
    KeyBuffer prefix;
    if (are_wraps) {
        prefix.add_letter('p').add_value(base::to_hex(vanish.author));
    } else {
        prefix.add(vanish.author.view());
    }
    Cursor cursor;
    int code = cursor.open(txn, environment_.index(index));
    if (code != 0) return code;
    KeyBuffer from = prefix;
    add_sort(from, walk.at);
    MDB_val key = to_val(from.view());
    MDB_val value{};
    code = mdb_cursor_get(cursor.get(), &key, &value, MDB_SET_RANGE);
    while (code == 0 && to_view(key).starts_with(prefix.view())) {
        const std::string_view entry = to_view(value);
        const std::size_t value_size = are_wraps ? 10 : 8;
        if (key.mv_size != prefix.view().size() + SortKey::kSize || entry.size() != value_size) {
            return MDB_CORRUPTED;
        }
        if (targets.full()) {
            walk.at = SortKey::read(to_view(key).data() + prefix.view().size());
            return 0;
        }
        ++targets.looked_at;
        const std::uint64_t seq = read_u64(entry.data());
        const bool is_wanted = !are_wraps || read_u16(entry.data() + 8) == event::kGiftWrap;
        if (is_wanted && seq < vanish.seq) targets.seqs.push_back(seq);
        code = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT);
    }
    if (code != 0 && code != MDB_NOTFOUND) return code;
    walk.stage = are_wraps ? Walk::Stage::over : Walk::Stage::wraps;
    walk.at = SortKey();
    return 0;
}

int Upkeep::remove_vanished(Transaction& txn, const Vanish& vanish, bool are_wraps,
                            const Targets& targets, std::uint64_t& removed) {
    for (const std::uint64_t seq : targets.seqs) {
        int code = remove_event(txn, seq, record_);
        if (code != 0) return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
        ++removed;
        if (!are_wraps) continue;
        // Wraps are dated back at will, so their ids are kept and no time (NIP-59).
        const auto wrap = EventView::from_record(record_);
        if (!wrap) return MDB_CORRUPTED;
        const KeyBuffer key = vanished_wrap_key(wrap->id_bytes(), vanish.author.view());
        const auto until = tombstone_value(vanish.until);
        code = txn.put(environment_.tombstones(), key.view(), {until.data(), until.size()}, 0);
        if (code != 0) return code;
    }
    return 0;
}

int Upkeep::expiry_step(std::int64_t now, bool& more) {
    std::uint64_t removed = 0;
    const int code = write(environment_, [&](Transaction& txn) {
        removed = 0;
        return remove_expired(txn, now, more, removed);
    });
    if (code == 0) expired_ += removed;
    return code;
}

int Upkeep::remove_expired(Transaction& txn, std::int64_t now, bool& more, std::uint64_t& removed) {
    const MDB_dbi database = environment_.expirations();
    std::vector<ExpirationKey> due;
    more = false;
    {
        Cursor cursor;
        int code = cursor.open(txn, database);
        if (code != 0) return code;
        MDB_val key{};
        MDB_val value{};
        while ((code = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT)) == 0) {
            if (key.mv_size != ExpirationKey::kSize) return MDB_CORRUPTED;
            const char* bytes = to_view(key).data();
            const auto expiration = static_cast<std::int64_t>(read_u64(bytes));
            if (expiration > now) break;
            more = due.size() >= kMostRemoved;
            if (more) break;
            due.emplace_back(expiration, read_u64(bytes + 8));
        }
        if (code != 0 && code != MDB_NOTFOUND) return code;
    }
    for (const ExpirationKey& entry : due) {
        int code = remove_event(txn, read_u64(entry.view().data() + 8), record_);
        if (code == MDB_NOTFOUND) {  // a build that does not know this index has removed it
            code = txn.remove(database, entry.view());
            if (code != 0) return code;
            continue;
        }
        if (code != 0) return code;
        ++removed;
        const auto expired = EventView::from_record(record_);
        if (!expired) return MDB_CORRUPTED;
        if (has_address(expired->kind())) code = keep_version(txn, *expired);
        if (code != 0) return code;
    }
    return 0;
}

int Upkeep::keep_version(Transaction& txn, const EventView& expired) {
    const KeyBuffer key = expired_version_key(address_key(expired).view());
    const Version version = Version::of(expired);
    std::string_view known;
    const int code = txn.get(environment_.tombstones(), key.view(), known);
    if (code != 0 && code != MDB_NOTFOUND) return code;
    if (code == 0) {
        const auto before = read_version_value(known);
        if (before && !replaces(version, *before)) return 0;
    }
    return txn.put(environment_.tombstones(), key.view(), version_value(version), 0);
}

}  // namespace parrhesia::store::lmdb
