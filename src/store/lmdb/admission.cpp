#include "store/lmdb/admission.hpp"

#include "parrhesia/event/tags.hpp"

#include "store/lmdb/tombstones.hpp"

#include <algorithm>
#include <cassert>
#include <memory>

namespace parrhesia::store {

using base::Errc;
using lmdb::Index;
using lmdb::KeyBuffer;

namespace {

void refuse(PutResult& result, Errc errc) {
    result.status = PutStatus::deleted;
    result.error = errc;
}

[[nodiscard]] bool is_decided(const PutResult& result) noexcept {
    return result.status != PutStatus::failed;
}

}  // namespace

int Admission::decide(std::span<const EventPtr> batch, std::span<PutResult> results) {
    MDB_stat shape{};
    const int stat_code = mdb_stat(txn_.handle(), txn_.environment().tombstones(), &shape);
    if (stat_code != 0) return stat_code;
    indexes_have_tombstones_ = shape.ms_entries != 0;
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
    int code = has_tombstones() ? ask_tombstones(view, result) : 0;
    if (code != 0 || is_decided(result)) return code;

    SequencedEvent accepted{event, next_seq_, 0};
    if (lmdb::has_address(view.kind())) {
        // The version that stands there decides; the id of one that was replaced may still be in
        // the indexes.
        std::optional<StoredVersion> stored;
        code = find_version(lmdb::address_key(view), stored);
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
        std::uint64_t seq = 0;
        code = find_seq(view.id(), seq);
        if (code == 0 && seq != 0) code = ask_pending_vanish(view, seq, result);
        if (code != 0 || is_decided(result)) return code;
        if (seq != 0) {
            result.status = PutStatus::duplicate;
            result.position.seq = seq;
            return 0;
        }
    }
    if (view.kind() == event::kDeletion) {
        std::vector<std::uint64_t> removes;
        code = collect_removals(view, removes);
        if (code != 0) return code;
        if (!removes.empty()) {
            accepted.removes = std::make_shared<const std::vector<std::uint64_t>>(removes);
        }
    }
    accepted.vanishes = event::is_vanish_request_to(view, relay_urls_);
    result.status = PutStatus::stored;
    result.position.seq = next_seq_++;
    keys_.add(accepted);
    accepted_.push_back(std::move(accepted));
    return 0;
}

bool Admission::has_tombstones() const {
    return indexes_have_tombstones_ || known_.has_tombstones() || keys_.has_tombstones();
}

int Admission::ask_tombstones(const EventView& event, PutResult& result) {
    int code = ask_vanish(event, result);
    if (code != 0 || is_decided(result)) return code;
    // Nobody can delete these (NIP-09, NIP-62).
    if (event.kind() == event::kDeletion || event.kind() == event::kVanish) return 0;
    std::optional<std::int64_t> time;
    code = find_tombstone(lmdb::deleted_id_key(event.id_bytes(), event.pubkey_bytes()), time);
    if (code != 0) return code;
    if (time) {
        refuse(result, Errc::deleted);
        return 0;
    }
    if (event.kind() == event::kGiftWrap) return ask_wrap(event, result);
    return lmdb::has_address(event.kind()) ? ask_address(event, result) : 0;
}

int Admission::ask_vanish(const EventView& event, PutResult& result) {
    std::optional<std::int64_t> until;
    int code = find_tombstone(lmdb::vanished_key(event.pubkey_bytes()), until);
    if (code != 0 || !until || event.created_at() > *until) return code;
    // The request itself stays, and is a duplicate when it comes again.
    std::uint64_t seq = 0;
    if (event.kind() == event::kVanish && event.created_at() == *until) {
        code = find_seq(event.id(), seq);
        if (code == 0 && seq != 0) code = ask_pending_vanish(event, seq, result);
        if (code != 0 || is_decided(result)) return code;
    }
    if (seq == 0) refuse(result, Errc::vanished);
    return 0;
}

int Admission::ask_wrap(const EventView& event, PutResult& result) {
    int code = 0;
    lmdb::for_each_recipient(event, [&](std::string_view recipient) {
        if (code != 0 || is_decided(result)) return;
        std::optional<std::int64_t> time;
        code = find_tombstone(lmdb::deleted_id_key(event.id_bytes(), recipient), time);
        if (code == 0 && time) return refuse(result, Errc::deleted);
        if (code == 0) {
            code = find_tombstone(lmdb::vanished_wrap_key(event.id_bytes(), recipient), time);
        }
        if (code == 0 && time) refuse(result, Errc::vanished);
    });
    return code;
}

int Admission::ask_address(const EventView& event, PutResult& result) {
    const KeyBuffer address = lmdb::address_key(event);
    std::optional<std::int64_t> until;
    int code = find_tombstone(lmdb::deleted_address_key(address.view()), until);
    if (code != 0) return code;
    if (until && event.created_at() <= *until) {
        refuse(result, Errc::deleted);
        return 0;
    }
    std::string_view value;
    const KeyBuffer key = lmdb::expired_version_key(address.view());
    code = txn_.get(txn_.environment().tombstones(), key.view(), value);
    if (code != 0) return code == MDB_NOTFOUND ? 0 : code;
    const auto expired = lmdb::read_version_value(value);
    if (!expired) return MDB_CORRUPTED;
    if (!replaces(Version::of(event), *expired)) result.status = PutStatus::superseded;
    return 0;
}

int Admission::ask_pending_vanish(const EventView& event, std::uint64_t seq, PutResult& result) {
    if (!has_tombstones()) return 0;
    std::uint64_t request = 0;
    if (event.kind() == event::kVanish) {
        const int code = find_pending_vanish(event.pubkey(), request);
        if (code != 0) return code;
        std::optional<std::int64_t> until;
        const int time_code = find_tombstone(lmdb::vanished_key(event.pubkey_bytes()), until);
        if (time_code != 0) return time_code;
        if (seq < request && until && event.created_at() <= *until) refuse(result, Errc::vanished);
        return 0;
    }
    if (event.kind() != event::kGiftWrap) return 0;
    int code = 0;
    lmdb::for_each_recipient(event, [&](std::string_view recipient) {
        if (code != 0 || is_decided(result)) return;
        code = find_pending_vanish(base::PubKey::from_raw(recipient), request);
        if (code == 0 && seq < request) refuse(result, Errc::vanished);
    });
    return code;
}

int Admission::collect_removals(const EventView& deletion,
                                std::vector<std::uint64_t>& removes) const {
    for (const event::IndexedTag tag : deletion.tags()) {
        if (tag.name == 'e') {
            const auto id = base::parse_hex<Id>(tag.value);
            if (!id) continue;
            Stored target;
            const int code = find_event(*id, target);
            if (code != 0) return code;
            if (target.seq != 0 && lmdb::may_delete(deletion.pubkey_bytes(), target.event)) {
                removes.push_back(target.seq);
            }
        } else if (tag.name == 'a') {
            const auto address = lmdb::own_address_key(tag.value, deletion.pubkey_bytes());
            if (!address) continue;
            std::optional<StoredVersion> version;
            const int code = find_version(*address, version);
            if (code != 0) return code;
            if (version && version->version.created_at <= deletion.created_at()) {
                removes.push_back(version->seq);
            }
        }
    }
    std::sort(removes.begin(), removes.end());
    removes.erase(std::unique(removes.begin(), removes.end()), removes.end());
    return 0;
}

int Admission::find_seq(const Id& id, std::uint64_t& seq) const {
    seq = 0;
    const KnownEvent* known = keys_.find(id);
    if (known == nullptr) known = known_.find(id);
    if (known != nullptr) {
        seq = known->seq;
    } else {
        std::string_view value;
        const int code = txn_.get(txn_.environment().index(Index::id), id.view(), value);
        if (code == MDB_NOTFOUND) return 0;
        if (code != 0) return code;
        if (value.size() < 8) return MDB_CORRUPTED;
        seq = lmdb::read_u64(value.data());
    }
    if (is_removed(seq)) seq = 0;
    return 0;
}

int Admission::find_event(const Id& id, Stored& stored) const {
    int code = find_seq(id, stored.seq);
    if (code != 0 || stored.seq == 0) return code;
    const KnownEvent* known = keys_.find(id);
    if (known == nullptr) known = known_.find(id);
    if (known != nullptr) {
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

int Admission::find_version(const KeyBuffer& address, std::optional<StoredVersion>& version) const {
    version = keys_.version_at(address.view());
    if (!version) version = known_.version_at(address.view());
    if (!version) {
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
    }
    if (is_removed(version->seq)) version.reset();
    return 0;
}

int Admission::find_tombstone(const KeyBuffer& key, std::optional<std::int64_t>& time) const {
    time = keys_.tombstone(key.view());
    time = std::max(time, known_.tombstone(key.view()));  // none is less than any
    if (!indexes_have_tombstones_) return 0;
    std::string_view value;
    const int code = txn_.get(txn_.environment().tombstones(), key.view(), value);
    if (code != 0) return code == MDB_NOTFOUND ? 0 : code;
    const auto indexed = lmdb::read_tombstone_value(value);
    if (!indexed) return MDB_CORRUPTED;
    time = std::max(time, indexed);
    return 0;
}

int Admission::find_pending_vanish(const base::PubKey& author, std::uint64_t& seq) const {
    seq = keys_.vanish_of(author);
    if (seq == 0) seq = known_.vanish_of(author);
    if (seq != 0) return 0;
    std::string_view value;
    const KeyBuffer key = lmdb::vanish_work_key(author.view());
    const int code = txn_.get(txn_.environment().tombstones(), key.view(), value);
    if (code != 0) return code == MDB_NOTFOUND ? 0 : code;
    const auto vanish = lmdb::read_vanish_work(key.view(), value);
    if (!vanish) return MDB_CORRUPTED;
    seq = vanish->seq;
    return 0;
}

}  // namespace parrhesia::store
