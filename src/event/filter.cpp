#include "parrhesia/event/filter.hpp"

#include <algorithm>
#include <cstring>

namespace parrhesia::event {
namespace {

template <class Value>
void sort_unique(std::vector<Value>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    values.shrink_to_fit();
}

// `bytes` has the size of the values.
template <class Bytes>
bool contains_bytes(const std::vector<Bytes>& sorted, std::string_view bytes) noexcept {
    std::size_t low = 0;
    std::size_t high = sorted.size();
    while (low < high) {
        const auto middle = low + (high - low) / 2;
        const int order = std::memcmp(sorted[middle].data(), bytes.data(), Bytes::kSize);
        if (order == 0) return true;
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

bool contains_value(const std::vector<std::string>& sorted, std::string_view value) noexcept {
    if (sorted.size() == 1) return sorted.front() == value;
    const auto found =
        std::lower_bound(sorted.begin(), sorted.end(), value,
                         [](const std::string& a, std::string_view b) { return a < b; });
    return found != sorted.end() && *found == value;
}

bool has_tag(const TagFilter& wanted, const EventView& event) noexcept {
    for (const auto tag : event.tags()) {
        if (tag.name == wanted.name && contains_value(wanted.values, tag.value)) return true;
    }
    return false;
}

}  // namespace

void Filter::normalize() {
    sort_unique(ids);
    sort_unique(authors);
    sort_unique(kinds);
    std::sort(tags.begin(), tags.end(),
              [](const TagFilter& a, const TagFilter& b) { return a.name < b.name; });
    for (auto& tag : tags) sort_unique(tag.values);
}

std::size_t Filter::item_count() const noexcept {
    auto result = ids.size() + authors.size() + kinds.size();
    for (const auto& tag : tags) result += tag.values.size();
    return result;
}

std::size_t Filter::memory_bytes() const noexcept {
    auto result = sizeof(Filter) + ids.capacity() * sizeof(Id) +
                  authors.capacity() * sizeof(PubKey) + kinds.capacity() * sizeof(Kind) +
                  tags.capacity() * sizeof(TagFilter);
    for (const auto& tag : tags) {
        result += tag.values.capacity() * sizeof(std::string);
        for (const auto& value : tag.values) result += value.capacity() + 1;
    }
    return result;
}

// Cheap conditions first.
bool matches(const Filter& filter, const EventView& event) noexcept {
    if (filter.never) return false;
    const auto created_at = event.created_at();
    if (created_at < filter.since || created_at > filter.until) return false;
    if (!filter.kinds.empty() &&
        !std::binary_search(filter.kinds.begin(), filter.kinds.end(), event.kind())) {
        return false;
    }
    if (!filter.ids.empty() && !contains_bytes(filter.ids, event.id_bytes())) return false;
    if (!filter.authors.empty() && !contains_bytes(filter.authors, event.pubkey_bytes())) {
        return false;
    }
    return std::all_of(filter.tags.begin(), filter.tags.end(),
                       [&event](const TagFilter& tag) { return has_tag(tag, event); });
}

bool matches_any(const std::vector<Filter>& filters, const EventView& event) noexcept {
    return std::any_of(filters.begin(), filters.end(),
                       [&event](const Filter& filter) { return matches(filter, event); });
}

}  // namespace parrhesia::event
