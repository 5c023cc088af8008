#include "store/rules/recent_keys.hpp"

#include "store/rules/keys.hpp"
#include "store/rules/tombstones.hpp"

#include <algorithm>
#include <utility>

namespace parrhesia::store {

void RecentKeys::add(const SequencedEvent& event) {
    const event::EventView view = event.event->view();
    ids_.insert_or_assign(view.id(), KnownEvent{event.event, event.seq});
    if (event.replaces != 0) removed_.insert(event.replaces);
    if (event.removes) removed_.insert(event.removes->begin(), event.removes->end());
    for (const Tombstone& tombstone : tombstones_of(event)) {
        RecentTombstone& known = tombstones_[tombstone.key];
        known.time = std::max(known.time, tombstone.time);
        known.seq = event.seq;
    }
    if (event.vanishes) vanishes_.insert_or_assign(view.pubkey(), event.seq);
    if (!has_address(view.kind())) return;
    addresses_.insert_or_assign(std::string(address_key(view).view()),
                                StoredVersion{Version::of(view), event.seq});
}

void RecentKeys::merge(RecentKeys&& others) {
    ids_.merge(others.ids_);
    for (auto& [address, version] : others.addresses_) {
        addresses_.insert_or_assign(address, version);
    }
    removed_.merge(others.removed_);
    for (const auto& [key, tombstone] : others.tombstones_) {
        RecentTombstone& known = tombstones_[key];
        known.time = std::max(known.time, tombstone.time);
        known.seq = tombstone.seq;
    }
    for (const auto& [author, seq] : others.vanishes_) vanishes_.insert_or_assign(author, seq);
    others.clear();
}

void RecentKeys::remove(std::span<const SequencedEvent> events) {
    // What came later under the same key stays.
    const auto erase = [](auto& map, const auto& key, std::uint64_t seq) {
        const auto found = map.find(key);
        if (found != map.end() && found->second.seq == seq) map.erase(found);
    };
    for (const SequencedEvent& event : events) {
        const event::EventView view = event.event->view();
        ids_.erase(view.id());
        if (event.replaces != 0) removed_.erase(event.replaces);
        if (event.acts() || view.kind() == event::kDeletion) {
            if (event.removes) {
                for (const std::uint64_t seq : *event.removes) removed_.erase(seq);
            }
            for (const Tombstone& tombstone : tombstones_of(event)) {
                erase(tombstones_, tombstone.key, event.seq);
            }
            if (vanish_of(view.pubkey()) == event.seq) vanishes_.erase(view.pubkey());
        }
        if (!has_address(view.kind())) continue;
        erase(addresses_, std::string(address_key(view).view()), event.seq);
    }
}

void RecentKeys::clear() noexcept {
    ids_.clear();
    addresses_.clear();
    removed_.clear();
    tombstones_.clear();
    vanishes_.clear();
}

const KnownEvent* RecentKeys::find(const base::Id& id) const {
    const auto found = ids_.find(id);
    return found == ids_.end() ? nullptr : &found->second;
}

std::optional<StoredVersion> RecentKeys::version_at(std::string_view address) const {
    if (addresses_.empty()) return std::nullopt;
    const auto found = addresses_.find(std::string(address));
    if (found == addresses_.end()) return std::nullopt;
    return found->second;
}

bool RecentKeys::has_removed(std::uint64_t seq) const {
    return !removed_.empty() && removed_.contains(seq);
}

std::optional<std::int64_t> RecentKeys::tombstone(std::string_view key) const {
    if (tombstones_.empty()) return std::nullopt;
    const auto found = tombstones_.find(std::string(key));
    if (found == tombstones_.end()) return std::nullopt;
    return found->second.time;
}

std::uint64_t RecentKeys::vanish_of(const base::PubKey& author) const {
    if (vanishes_.empty()) return 0;
    const auto found = vanishes_.find(author);
    return found == vanishes_.end() ? 0 : found->second;
}

}  // namespace parrhesia::store
