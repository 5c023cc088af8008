#include "store/lmdb/stored_state.hpp"

#include "store/lmdb/keys.hpp"
#include "store/rules/tombstones.hpp"

#include <algorithm>

namespace parrhesia::store::lmdb {

int LmdbState::find_seq(const Id& id, std::uint64_t& seq) const {
    seq = 0;
    if (const KnownEvent* known = known_.find(id)) {
        seq = known->seq;
    } else {
        std::string_view value;
        const int code = txn_.get(txn_.environment().index(Index::id), id.view(), value);
        if (code == MDB_NOTFOUND) return 0;
        if (code != 0) return code;
        if (value.size() < 8) return MDB_CORRUPTED;
        seq = read_u64(value.data());
    }
    if (known_.has_removed(seq)) seq = 0;
    return 0;
}

int LmdbState::find_event(const Id& id, StoredEvent& stored) const {
    int code = find_seq(id, stored.seq);
    if (code != 0 || stored.seq == 0) return code;
    if (const KnownEvent* known = known_.find(id)) {
        stored.event = known->event->view();
        return 0;
    }
    std::string_view record;
    code = txn_.get_record(stored.seq, record);
    if (code != 0) return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
    const auto event = EventView::from_record(record);
    if (!event) return MDB_CORRUPTED;
    stored.event = *event;
    return 0;
}

int LmdbState::find_version(const KeyBuffer& address, std::optional<StoredVersion>& version) const {
    version = known_.version_at(address.view());
    if (!version) {
        std::string_view value;
        int code = txn_.get(txn_.environment().index(Index::address), address.view(), value);
        if (code == MDB_NOTFOUND) return 0;
        if (code != 0) return code;
        if (value.size() < 8) return MDB_CORRUPTED;
        const std::uint64_t seq = read_u64(value.data());
        std::string_view record;
        code = txn_.get_record(seq, record);
        if (code != 0) return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
        const auto stored = EventView::from_record(record);
        if (!stored) return MDB_CORRUPTED;
        version = StoredVersion{Version::of(*stored), seq};
    }
    if (known_.has_removed(version->seq)) version.reset();
    return 0;
}

int LmdbState::has_tombstones(bool& any) const {
    MDB_stat shape{};
    const int code = mdb_stat(txn_.handle(), txn_.environment().tombstones(), &shape);
    if (code == 0) any = shape.ms_entries != 0 || known_.has_tombstones();
    return code;
}

int LmdbState::find_tombstone(const KeyBuffer& key, std::optional<std::int64_t>& time) const {
    time = known_.tombstone(key.view());
    std::string_view value;
    const int code = get_tombstone(key.view(), value);
    if (code != 0) return code == MDB_NOTFOUND ? 0 : code;
    const auto indexed = read_tombstone_value(value);
    if (!indexed) return MDB_CORRUPTED;
    time = std::max(time, indexed);
    return 0;
}

int LmdbState::find_expired_version(const KeyBuffer& address,
                                    std::optional<Version>& version) const {
    version.reset();
    std::string_view value;
    const KeyBuffer key = expired_version_key(address.view());
    const int code = get_tombstone(key.view(), value);
    if (code != 0) return code == MDB_NOTFOUND ? 0 : code;
    version = read_version_value(value);
    return version ? 0 : MDB_CORRUPTED;
}

int LmdbState::find_pending_vanish(const base::PubKey& author, std::uint64_t& seq) const {
    seq = known_.vanish_of(author);
    if (seq != 0) return 0;
    std::string_view value;
    const KeyBuffer key = vanish_work_key(author.view());
    const int code = get_tombstone(key.view(), value);
    if (code != 0) return code == MDB_NOTFOUND ? 0 : code;
    const auto vanish = read_vanish_work(key.view(), value);
    if (!vanish) return MDB_CORRUPTED;
    seq = vanish->seq;
    return 0;
}

int LmdbState::get_tombstone(std::string_view key, std::string_view& value) const {
    return txn_.get(txn_.environment().tombstones(), key, value);
}

}  // namespace parrhesia::store::lmdb
