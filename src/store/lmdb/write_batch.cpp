#include "store/lmdb/write_batch.hpp"

#include "store/replacement.hpp"

#include <array>
#include <cassert>

namespace parrhesia::store::lmdb {
namespace {

[[nodiscard]] int read_seq(std::string_view value, std::uint64_t& seq) noexcept {
    if (value.size() < 8) return MDB_CORRUPTED;
    seq = read_u64(value.data());
    return 0;
}

}  // namespace

int WriteBatch::put(std::span<const EventPtr> events, std::span<PutResult> results) {
    int code = txn_.get_next_seq(next_seq_);
    if (code != 0) return code;
    const std::uint64_t first_seq = next_seq_;
    for (std::size_t i = 0; i < events.size(); ++i) {
        code = put_one(events[i]->view(), results[i]);
        if (code != 0) return code;
    }
    if (next_seq_ == first_seq) return 0;
    std::array<char, 8> value;
    write_u64(value.data(), next_seq_);
    return txn_.put(txn_.environment().meta(), kMetaNextSeq, {value.data(), value.size()}, 0);
}

int WriteBatch::put_one(const EventView& event, PutResult& result) {
    assert(!event::is_ephemeral(event.kind()) && "ephemeral events are never stored");
    result = PutResult();
    std::string_view known;
    int code = txn_.get(txn_.environment().index(Index::id), event.id_bytes(), known);
    if (code == 0) {
        result.status = PutStatus::duplicate;
        return read_seq(known, result.position.seq);
    }
    if (code != MDB_NOTFOUND) return code;

    if (has_address(event.kind())) {
        bool superseded = false;
        code = settle_address(event, superseded);
        if (code != 0) return code;
        if (superseded) {
            result.status = PutStatus::superseded;
            return 0;
        }
    }
    code = insert(event, next_seq_);
    if (code != 0) return code;
    result.status = PutStatus::stored;
    result.position.seq = next_seq_++;
    return 0;
}

int WriteBatch::settle_address(const EventView& event, bool& superseded) {
    const KeyBuffer address = address_key(event);
    std::string_view value;
    int code = txn_.get(txn_.environment().index(Index::address), address.view(), value);
    if (code == MDB_NOTFOUND) return 0;
    if (code != 0) return code;
    std::uint64_t seq = 0;
    code = read_seq(value, seq);
    if (code != 0) return code;
    std::string_view record;
    code = txn_.get_record(seq, record);
    if (code != 0) return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
    const auto stored = EventView::from_record(record);
    if (!stored) return MDB_CORRUPTED;
    superseded = !replaces(Version::of(event), Version::of(*stored));
    return superseded ? 0 : remove_event(txn_, seq, removed_record_);
}

int WriteBatch::insert(const EventView& event, std::uint64_t seq) {
    const Environment& environment = txn_.environment();
    std::array<char, 8> key;
    write_u64(key.data(), seq);
    int code = txn_.put(environment.events(), {key.data(), key.size()}, event.record(), MDB_APPEND);
    for_each_entry(event, [&](Index index, std::string_view entry) {
        if (code != 0) return;
        const IndexValue value(index, seq, event.kind());
        code = txn_.put(environment.index(index), entry, value.view(), 0);
    });
    return code;
}

int remove_event(Transaction& txn, std::uint64_t seq, std::string& record) {
    std::string_view in_place;
    int code = txn.get_record(seq, in_place);
    if (code != 0) return code;
    record = in_place;  // the pages change under a view
    const auto event = EventView::from_record(record);
    if (!event) return MDB_CORRUPTED;
    const Environment& environment = txn.environment();
    for_each_entry(*event, [&](Index index, std::string_view entry) {
        if (code != 0) return;
        code = txn.remove(environment.index(index), entry);
        // A repeated tag has its entry removed the first time.
        if (code == MDB_NOTFOUND && index == Index::tag) code = 0;
    });
    if (code != 0) return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
    std::array<char, 8> key;
    write_u64(key.data(), seq);
    return txn.remove(environment.events(), {key.data(), key.size()});
}

}  // namespace parrhesia::store::lmdb
