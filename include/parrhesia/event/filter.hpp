// A filter of NIP-01 and what it matches.
#pragma once

#include "parrhesia/event/event.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::event {

// `#e`, `#p`, ...: some tag of this name has one of these values.
struct TagFilter {
    char name = 0;
    std::vector<std::string> values;  // sorted, no duplicates, not empty
};

// Conditions that are absent are empty here; a list that was present and empty makes the filter
// match nothing (`never`), which is not the same.
//
// Invariant: lists are sorted and free of duplicates (normalize() makes them so).
struct Filter {
    std::vector<Id> ids;
    std::vector<PubKey> authors;
    std::vector<Kind> kinds;
    std::vector<TagFilter> tags;  // at most one per name
    std::int64_t since = 0;
    std::int64_t until = std::numeric_limits<std::int64_t>::max();
    std::optional<std::uint32_t> limit;  // of the stored query only
    bool never = false;

    void normalize();
    // Values in all lists together: what a limit on filter items counts.
    [[nodiscard]] std::size_t item_count() const noexcept;
    // What it costs to hold it.
    [[nodiscard]] std::size_t memory_bytes() const noexcept;
};

// Exact NIP-01 semantics; `limit` plays no part.
[[nodiscard]] bool matches(const Filter& filter, const EventView& event) noexcept;
[[nodiscard]] bool matches_any(const std::vector<Filter>& filters, const EventView& event) noexcept;

}  // namespace parrhesia::event
