// What a new event may collide with before the indexes know it: the recent events' ids, addresses
// and tombstones.
#pragma once

#include "parrhesia/base/bytes.hpp"

#include "store/recent/recent_events.hpp"
#include "store/rules/replacement.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace parrhesia::store {

// The stored version of an address.
struct StoredVersion {
    Version version;
    std::uint64_t seq = 0;
};

// An event that is stored, and not in the indexes.
struct KnownEvent {
    event::EventPtr event;
    std::uint64_t seq = 0;
};

// Threading: one thread at a time.
class RecentKeys {
  public:
    void add(const SequencedEvent& event);
    // What has been added to `others` since; of two versions of an address theirs stays.
    void merge(RecentKeys&& others);
    // The events are in the indexes now.
    void remove(std::span<const SequencedEvent> events);
    void clear() noexcept;

    [[nodiscard]] const KnownEvent* find(const base::Id& id) const;
    [[nodiscard]] std::optional<StoredVersion> version_at(std::string_view address) const;
    // Of one of these events, or of one in the indexes: one of these has replaced or deleted it.
    [[nodiscard]] bool has_removed(std::uint64_t seq) const;
    [[nodiscard]] bool has_tombstones() const noexcept { return !tombstones_.empty(); }
    // The time of the tombstone with this key.
    [[nodiscard]] std::optional<std::int64_t> tombstone(std::string_view key) const;
    // The seq of the author's request to vanish, if it is one of these events; else 0.
    [[nodiscard]] std::uint64_t vanish_of(const base::PubKey& author) const;

  private:
    struct RecentTombstone {
        std::int64_t time = 0;
        std::uint64_t seq = 0;  // the latest event that it is of
    };

    std::unordered_map<base::Id, KnownEvent> ids_;
    std::unordered_map<std::string, StoredVersion> addresses_;
    std::unordered_set<std::uint64_t> removed_;
    std::unordered_map<std::string, RecentTombstone> tombstones_;
    std::unordered_map<base::PubKey, std::uint64_t> vanishes_;
};

}  // namespace parrhesia::store
