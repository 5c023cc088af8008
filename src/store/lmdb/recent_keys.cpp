#include "store/lmdb/recent_keys.hpp"

#include "store/lmdb/keys.hpp"

#include <utility>

namespace parrhesia::store {

void RecentKeys::add(const SequencedEvent& event) {
    const event::EventView view = event.event->view();
    ids_.insert_or_assign(view.id(), event.seq);
    if (!lmdb::has_address(view.kind())) return;
    addresses_.insert_or_assign(std::string(lmdb::address_key(view).view()),
                                StoredVersion{Version::of(view), event.seq});
}

void RecentKeys::merge(RecentKeys&& others) {
    ids_.merge(others.ids_);
    for (auto& [address, version] : others.addresses_) {
        addresses_.insert_or_assign(address, version);
    }
    others.clear();
}

void RecentKeys::remove(std::span<const SequencedEvent> events) {
    for (const SequencedEvent& event : events) {
        const event::EventView view = event.event->view();
        ids_.erase(view.id());
        if (!lmdb::has_address(view.kind())) continue;
        const auto found = addresses_.find(std::string(lmdb::address_key(view).view()));
        // A later version may have come.
        if (found != addresses_.end() && found->second.seq == event.seq) addresses_.erase(found);
    }
}

void RecentKeys::clear() noexcept {
    ids_.clear();
    addresses_.clear();
}

std::optional<std::uint64_t> RecentKeys::seq_of(const base::Id& id) const {
    const auto found = ids_.find(id);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
}

std::optional<StoredVersion> RecentKeys::version_at(std::string_view address) const {
    if (addresses_.empty()) return std::nullopt;
    const auto found = addresses_.find(std::string(address));
    if (found == addresses_.end()) return std::nullopt;
    return found->second;
}

}  // namespace parrhesia::store
