#include "store/rules/access.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace parrhesia::store {
namespace {

using By = AccessPath::By;
using event::Filter;
using event::TagFilter;

// More ranges than this in one merge cost more than the events they leave out.
constexpr std::size_t kMaxCombinations = 2000;
// One range of an author's events is dearer than one of a selective tag by about this factor.
constexpr std::size_t kTagValuesPerAuthorRange = 16;

// Letters whose values may each stand on a large share of all events: people, hashtags, kinds,
// labels; and `d`, whose usual values ("", "settings") every author has.
[[nodiscard]] bool is_broad(char letter) noexcept {
    return std::string_view("ptkPKlLd").find(letter) != std::string_view::npos;
}

[[nodiscard]] const TagFilter* tag_named(const Filter& filter, char letter) noexcept {
    for (const TagFilter& tag : filter.tags) {
        if (tag.name == letter) return &tag;
    }
    return nullptr;
}

// The tag condition with the fewest values, broad or not as asked.
[[nodiscard]] const TagFilter* narrowest_tag(const Filter& filter, bool broad) noexcept {
    const TagFilter* best = nullptr;
    for (const TagFilter& tag : filter.tags) {
        if (is_broad(tag.name) != broad) continue;
        if (best == nullptr || tag.values.size() < best->values.size()) best = &tag;
    }
    return best;
}

// At most one event per author, kind and identifier: looked up, not scanned.
[[nodiscard]] bool asks_for_addresses(const Filter& filter) noexcept {
    if (filter.authors.empty() || filter.kinds.empty()) return false;
    const TagFilter* identifiers = tag_named(filter, 'd');
    std::size_t count = 0;
    for (const Kind kind : filter.kinds) {
        if (!has_address(kind)) return false;
        const bool addressable = event::class_of(kind) == event::KindClass::addressable;
        if (addressable && identifiers == nullptr) return false;
        count += filter.authors.size() * (addressable ? identifiers->values.size() : 1);
    }
    return count <= kMaxCombinations;
}

[[nodiscard]] By author_access(const Filter& filter) {
    const bool by_kind =
        !filter.kinds.empty() && filter.authors.size() * filter.kinds.size() <= kMaxCombinations;
    return by_kind ? By::author_kind : By::author;
}

}  // namespace

AccessPath choose_access(const Filter& filter) {
    if (filter.never || filter.since > filter.until || filter.until < 0) return {};
    if (filter.limit && *filter.limit == 0) return {};
    if (!filter.ids.empty()) return {By::id};
    if (asks_for_addresses(filter)) return {By::address};
    if (const TagFilter* tag = narrowest_tag(filter, false)) {
        const std::size_t author_ranges =
            filter.authors.size() * std::max<std::size_t>(filter.kinds.size(), 1);
        const bool authors_win =
            author_ranges != 0 && author_ranges * kTagValuesPerAuthorRange < tag->values.size();
        return authors_win ? AccessPath{author_access(filter)} : AccessPath{By::tag, tag};
    }
    if (!filter.authors.empty()) return {author_access(filter)};
    if (const TagFilter* tag = narrowest_tag(filter, true)) return {By::tag, tag};
    return {filter.kinds.empty() ? By::created_at : By::kind};
}

std::vector<KeyBuffer> addresses_of(const Filter& filter) {
    std::vector<KeyBuffer> addresses;
    const TagFilter* identifiers = tag_named(filter, 'd');
    for (const Kind kind : filter.kinds) {
        const bool addressable = event::class_of(kind) == event::KindClass::addressable;
        for (const base::PubKey& author : filter.authors) {
            if (!addressable) {
                addresses.push_back(address_key(kind, author.view(), {}));
                continue;
            }
            for (const std::string& identifier : identifiers->values) {
                addresses.push_back(address_key(kind, author.view(), identifier));
            }
        }
    }
    return addresses;
}

}  // namespace parrhesia::store
