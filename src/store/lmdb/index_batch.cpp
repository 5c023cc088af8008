#include "store/lmdb/index_batch.hpp"

#include "store/lmdb/cursor.hpp"
#include "store/lmdb/removal.hpp"
#include "store/rules/tombstones.hpp"

#include <algorithm>

namespace parrhesia::store::lmdb {
namespace {

// Keys in the order of LMDB have their first bytes in the order of this number; every key has at
// least eight.
[[nodiscard]] std::uint64_t prefix_of(std::string_view key) noexcept {
    return read_u64(key.data());
}

}  // namespace

int IndexBatch::put(std::span<const SequencedEvent> events) {
    std::uint64_t next_seq = 0;
    int code = txn_.get_next_seq(next_seq);
    if (code != 0) return code;
    while (!events.empty() && events.front().seq < next_seq) events = events.subspan(1);
    if (events.empty()) return 0;

    std::unordered_set<std::uint64_t> absent;
    code = remove_targets(events, absent);
    if (code != 0) return code;
    for (const SequencedEvent& event : events) {
        code = put_tombstones(event);
        if (code == 0 && !absent.contains(event.seq)) code = put_event(event);
        if (code != 0) return code;
    }
    for (std::size_t i = 0; i < kIndexCount; ++i) {
        code = put_entries(static_cast<Index>(i));
        if (code != 0) return code;
    }
    std::array<char, 8> value;
    write_u64(value.data(), events.back().seq + 1);
    return txn_.put(txn_.environment().meta(), kMetaNextSeq, {value.data(), value.size()}, 0);
}

int IndexBatch::remove_targets(std::span<const SequencedEvent> events,
                               std::unordered_set<std::uint64_t>& absent) {
    const std::uint64_t first_seq = events.front().seq;
    const auto remove = [&](std::uint64_t seq) {
        if (seq >= first_seq) {
            absent.insert(seq);
            return 0;
        }
        const int code = remove_event(txn_, seq, removed_record_);
        return code == MDB_NOTFOUND ? 0 : code;  // that it is gone is all that is wanted
    };
    for (const SequencedEvent& event : events) {
        int code = event.replaces != 0 ? remove(event.replaces) : 0;
        if (code != 0) return code;
        if (!event.removes) continue;
        for (const std::uint64_t seq : *event.removes) {
            code = remove(seq);
            if (code != 0) return code;
        }
    }
    return 0;
}

int IndexBatch::put_tombstones(const SequencedEvent& event) {
    const MDB_dbi database = txn_.environment().tombstones();
    for (const Tombstone& tombstone : tombstones_of(event)) {
        std::string_view known;
        int code = txn_.get(database, tombstone.key, known);
        if (code != 0 && code != MDB_NOTFOUND) return code;
        if (code == 0 && read_tombstone_value(known) >= tombstone.time) continue;
        const auto value = tombstone_value(tombstone.time);
        code = txn_.put(database, tombstone.key, {value.data(), value.size()}, 0);
        if (code != 0) return code;
    }
    if (!event.vanishes) return 0;
    const EventView view = event.event->view();
    const Vanish vanish{view.pubkey(), view.created_at(), event.seq};
    return txn_.put(database, vanish_work_key(view.pubkey_bytes()).view(),
                    vanish_work_value(vanish), 0);
}

int IndexBatch::put_event(const SequencedEvent& event) {
    collect_entries(event);
    std::array<char, 8> key;
    write_u64(key.data(), event.seq);
    const std::int64_t expiration = event.event->view().expiration();
    if (expiration != 0) {
        const ExpirationKey expires(expiration, event.seq);
        const int code = txn_.put(txn_.environment().expirations(), expires.view(), {}, 0);
        if (code != 0) return code;
    }
    return txn_.put(txn_.environment().events(), {key.data(), key.size()},
                    event.event->view().record(), MDB_APPEND);
}

void IndexBatch::collect_entries(const SequencedEvent& event) {
    const EventView view = event.event->view();
    for_each_entry(view, [&](Index index, std::string_view key) {
        entries_[static_cast<std::size_t>(index)].push_back(
            {prefix_of(key), event.seq, static_cast<std::uint32_t>(keys_.size()),
             static_cast<std::uint16_t>(key.size()), view.kind()});
        keys_.append(key);
    });
}

int IndexBatch::put_entries(Index index) {
    std::vector<Entry>& entries = entries_[static_cast<std::size_t>(index)];
    if (entries.empty()) return 0;
    std::sort(entries.begin(), entries.end(), [this](const Entry& a, const Entry& b) {
        return a.prefix != b.prefix ? a.prefix < b.prefix : key_of(a) < key_of(b);
    });
    Cursor cursor;
    int code = cursor.open(txn_, txn_.environment().index(index));
    if (code != 0) return code;
    for (const Entry& entry : entries) {
        const IndexValue value(index, entry.seq, entry.kind);
        MDB_val key = to_val(key_of(entry));
        MDB_val data = to_val(value.view());
        code = mdb_cursor_put(cursor.get(), &key, &data, 0);
        if (code != 0) return code;
    }
    return 0;
}

}  // namespace parrhesia::store::lmdb
