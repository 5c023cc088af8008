#include "store/rules/admission.hpp"

#include "parrhesia/event/tags.hpp"

#include "store/rules/tombstones.hpp"

#include <algorithm>
#include <cassert>
#include <memory>

namespace parrhesia::store {

using base::Errc;

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
    const int any_code = state_.has_tombstones(state_has_tombstones_);
    if (any_code != 0) return any_code;
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
    if (has_address(view.kind())) {
        // The version that stands there decides; the id of one that was replaced may still be in
        // the indexes.
        std::optional<StoredVersion> stored;
        code = find_version(address_key(view), stored);
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

int Admission::ask_tombstones(const EventView& event, PutResult& result) {
    int code = ask_vanish(event, result);
    if (code != 0 || is_decided(result)) return code;
    // Nobody can delete these (NIP-09, NIP-62).
    if (event.kind() == event::kDeletion || event.kind() == event::kVanish) return 0;
    std::optional<std::int64_t> time;
    code = find_tombstone(deleted_id_key(event.id_bytes(), event.pubkey_bytes()), time);
    if (code != 0) return code;
    if (time) {
        refuse(result, Errc::deleted);
        return 0;
    }
    if (event.kind() == event::kGiftWrap) return ask_wrap(event, result);
    return has_address(event.kind()) ? ask_address(event, result) : 0;
}

int Admission::ask_vanish(const EventView& event, PutResult& result) {
    std::optional<std::int64_t> until;
    int code = find_tombstone(vanished_key(event.pubkey_bytes()), until);
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
    for_each_recipient(event, [&](std::string_view recipient) {
        if (code != 0 || is_decided(result)) return;
        std::optional<std::int64_t> time;
        code = find_tombstone(deleted_id_key(event.id_bytes(), recipient), time);
        if (code == 0 && time) return refuse(result, Errc::deleted);
        if (code == 0) {
            code = find_tombstone(vanished_wrap_key(event.id_bytes(), recipient), time);
        }
        if (code == 0 && time) refuse(result, Errc::vanished);
    });
    return code;
}

int Admission::ask_address(const EventView& event, PutResult& result) {
    const KeyBuffer address = address_key(event);
    std::optional<std::int64_t> until;
    int code = find_tombstone(deleted_address_key(address.view()), until);
    if (code != 0) return code;
    if (until && event.created_at() <= *until) {
        refuse(result, Errc::deleted);
        return 0;
    }
    std::optional<Version> expired;
    code = state_.find_expired_version(address, expired);
    if (code != 0 || !expired) return code;
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
        const int time_code = find_tombstone(vanished_key(event.pubkey_bytes()), until);
        if (time_code != 0) return time_code;
        if (seq < request && until && event.created_at() <= *until) refuse(result, Errc::vanished);
        return 0;
    }
    if (event.kind() != event::kGiftWrap) return 0;
    int code = 0;
    for_each_recipient(event, [&](std::string_view recipient) {
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
            StoredEvent target;
            const int code = find_event(*id, target);
            if (code != 0) return code;
            if (target.seq != 0 && may_delete(deletion.pubkey_bytes(), target.event)) {
                removes.push_back(target.seq);
            }
        } else if (tag.name == 'a') {
            const auto address = own_address_key(tag.value, deletion.pubkey_bytes());
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
    if (const KnownEvent* known = keys_.find(id)) {
        seq = known->seq;
    } else {
        const int code = state_.find_seq(id, seq);
        if (code != 0) return code;
    }
    if (keys_.has_removed(seq)) seq = 0;
    return 0;
}

int Admission::find_event(const Id& id, StoredEvent& stored) const {
    if (const KnownEvent* known = keys_.find(id)) {
        stored = {known->seq, known->event->view()};
    } else {
        const int code = state_.find_event(id, stored);
        if (code != 0) return code;
    }
    if (keys_.has_removed(stored.seq)) stored = StoredEvent();
    return 0;
}

int Admission::find_version(const KeyBuffer& address, std::optional<StoredVersion>& version) const {
    version = keys_.version_at(address.view());
    if (!version) {
        const int code = state_.find_version(address, version);
        if (code != 0) return code;
    }
    if (version && keys_.has_removed(version->seq)) version.reset();
    return 0;
}

int Admission::find_tombstone(const KeyBuffer& key, std::optional<std::int64_t>& time) const {
    time.reset();
    if (state_has_tombstones_) {
        const int code = state_.find_tombstone(key, time);
        if (code != 0) return code;
    }
    time = std::max(time, keys_.tombstone(key.view()));  // none is less than any
    return 0;
}

int Admission::find_pending_vanish(const base::PubKey& author, std::uint64_t& seq) const {
    seq = keys_.vanish_of(author);
    return seq != 0 ? 0 : state_.find_pending_vanish(author, seq);
}

}  // namespace parrhesia::store
