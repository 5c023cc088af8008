#include "store/lmdb/admission.hpp"

#include <cassert>

namespace parrhesia::store {

using lmdb::Index;

int Admission::decide(std::span<const EventPtr> batch, std::span<PutResult> results) {
    accepted_.reserve(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
        results[i] = PutResult();
        const int code = decide_one(batch[i], results[i]);
        if (code != 0) return code;
    }
    return 0;
}

int Admission::decide_one(const EventPtr& event, PutResult& result) {
    const EventView view = event->view();
    assert(!event::is_ephemeral(view.kind()) && "ephemeral events are never stored");
    SequencedEvent accepted{event, next_seq_, 0};
    if (lmdb::has_address(view.kind())) {
        // The version that stands there decides; the id of one that was replaced may still be in
        // the indexes.
        std::optional<StoredVersion> stored;
        const int code = find_version(lmdb::address_key(view), stored);
        if (code != 0) return code;
        if (stored && stored->version.id == view.id()) {
            result.status = PutStatus::duplicate;
            result.position.seq = stored->seq;
            return 0;
        }
        if (stored && !replaces(Version::of(view), stored->version)) {
            result.status = PutStatus::superseded;
            return 0;
        }
        if (stored) accepted.replaces = stored->seq;
    } else {
        std::optional<std::uint64_t> seq;
        const int code = find_id(view.id(), seq);
        if (code != 0) return code;
        if (seq) {
            result.status = PutStatus::duplicate;
            result.position.seq = *seq;
            return 0;
        }
    }
    result.status = PutStatus::stored;
    result.position.seq = next_seq_++;
    keys_.add(accepted);
    accepted_.push_back(std::move(accepted));
    return 0;
}

int Admission::find_id(const Id& id, std::optional<std::uint64_t>& seq) const {
    seq = keys_.seq_of(id);
    if (!seq) seq = known_.seq_of(id);
    if (seq) return 0;
    std::string_view value;
    const int code = txn_.get(txn_.environment().index(Index::id), id.view(), value);
    if (code == MDB_NOTFOUND) return 0;
    if (code != 0) return code;
    if (value.size() < 8) return MDB_CORRUPTED;
    seq = lmdb::read_u64(value.data());
    return 0;
}

int Admission::find_version(const lmdb::KeyBuffer& address,
                            std::optional<StoredVersion>& version) const {
    version = keys_.version_at(address.view());
    if (!version) version = known_.version_at(address.view());
    if (version) return 0;
    std::string_view value;
    int code = txn_.get(txn_.environment().index(Index::address), address.view(), value);
    if (code == MDB_NOTFOUND) return 0;
    if (code != 0) return code;
    if (value.size() < 8) return MDB_CORRUPTED;
    const std::uint64_t seq = lmdb::read_u64(value.data());
    std::string_view record;
    code = txn_.get_record(seq, record);
    if (code != 0) return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
    const auto stored = EventView::from_record(record);
    if (!stored) return MDB_CORRUPTED;
    version = StoredVersion{Version::of(*stored), seq};
    return 0;
}

}  // namespace parrhesia::store
