// What a new event may collide with before the indexes know it: the ids and addresses of the recent
// events.
#pragma once

#include "parrhesia/base/bytes.hpp"

#include "store/recent/recent_events.hpp"
#include "store/replacement.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace parrhesia::store {

// The stored version of an address.
struct StoredVersion {
    Version version;
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

    [[nodiscard]] std::optional<std::uint64_t> seq_of(const base::Id& id) const;
    [[nodiscard]] std::optional<StoredVersion> version_at(std::string_view address) const;

  private:
    std::unordered_map<base::Id, std::uint64_t> ids_;
    std::unordered_map<std::string, StoredVersion> addresses_;
};

}  // namespace parrhesia::store
