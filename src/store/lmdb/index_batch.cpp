#include "store/lmdb/index_batch.hpp"

#include "store/lmdb/removal.hpp"

#include <algorithm>
#include <memory>
#include <unordered_set>

namespace parrhesia::store::lmdb {
namespace {

struct CloseCursor {
    void operator()(MDB_cursor* cursor) const noexcept { mdb_cursor_close(cursor); }
};

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

    std::unordered_set<std::uint64_t> replaced;
    for (const SequencedEvent& event : events) {
        if (event.replaces != 0) replaced.insert(event.replaces);
    }
    for (const SequencedEvent& event : events) {
        if (event.replaces != 0 && event.replaces < events.front().seq) {
            code = remove_event(txn_, event.replaces, removed_record_);
            // That it is gone is all that is wanted.
            if (code != 0 && code != MDB_NOTFOUND) return code;
        }
        if (replaced.contains(event.seq)) continue;
        code = put_event(event);
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

int IndexBatch::put_event(const SequencedEvent& event) {
    collect_entries(event);
    std::array<char, 8> key;
    write_u64(key.data(), event.seq);
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
    MDB_cursor* raw = nullptr;
    int code = mdb_cursor_open(txn_.handle(), txn_.environment().index(index), &raw);
    if (code != 0) return code;
    const std::unique_ptr<MDB_cursor, CloseCursor> cursor(raw);
    for (const Entry& entry : entries) {
        const IndexValue value(index, entry.seq, entry.kind);
        MDB_val key = to_val(key_of(entry));
        MDB_val data = to_val(value.view());
        code = mdb_cursor_put(raw, &key, &data, 0);
        if (code != 0) return code;
    }
    return 0;
}

}  // namespace parrhesia::store::lmdb
