#include "store/lmdb/plan.hpp"

#include <algorithm>
#include <string_view>

namespace parrhesia::store::lmdb {
namespace {

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

[[nodiscard]] Plan address_plan(const Filter& filter) {
    Plan plan{Plan::Way::lookup, Index::address, {}};
    const TagFilter* identifiers = tag_named(filter, 'd');
    for (const Kind kind : filter.kinds) {
        const bool addressable = event::class_of(kind) == event::KindClass::addressable;
        for (const base::PubKey& author : filter.authors) {
            if (!addressable) {
                plan.keys.emplace_back(address_key(kind, author.view(), {}).view());
                continue;
            }
            for (const std::string& identifier : identifiers->values) {
                plan.keys.emplace_back(address_key(kind, author.view(), identifier).view());
            }
        }
    }
    return plan;
}

[[nodiscard]] Plan tag_plan(const TagFilter& tag) {
    Plan plan{Plan::Way::ranges, Index::tag, {}};
    for (const std::string& value : tag.values) {
        KeyBuffer key;
        plan.keys.emplace_back(key.add_letter(tag.name).add_value(value).view());
    }
    return plan;
}

[[nodiscard]] Plan author_plan(const Filter& filter) {
    if (filter.kinds.empty() || filter.authors.size() * filter.kinds.size() > kMaxCombinations) {
        Plan plan{Plan::Way::ranges, Index::author, {}};
        for (const base::PubKey& author : filter.authors) plan.keys.emplace_back(author.view());
        return plan;
    }
    Plan plan{Plan::Way::ranges, Index::author_kind, {}};
    for (const base::PubKey& author : filter.authors) {
        for (const Kind kind : filter.kinds) {
            KeyBuffer key;
            plan.keys.emplace_back(key.add(author.view()).add_kind(kind).view());
        }
    }
    return plan;
}

[[nodiscard]] Plan kind_plan(const Filter& filter) {
    Plan plan{Plan::Way::ranges, Index::kind, {}};
    for (const Kind kind : filter.kinds) {
        KeyBuffer key;
        plan.keys.emplace_back(key.add_kind(kind).view());
    }
    return plan;
}

[[nodiscard]] Plan choose(const Filter& filter) {
    if (!filter.ids.empty()) {
        Plan plan{Plan::Way::lookup, Index::id, {}};
        for (const base::Id& id : filter.ids) plan.keys.emplace_back(id.view());
        return plan;
    }
    if (asks_for_addresses(filter)) return address_plan(filter);
    if (const TagFilter* tag = narrowest_tag(filter, false)) {
        const std::size_t author_ranges =
            filter.authors.size() * std::max<std::size_t>(filter.kinds.size(), 1);
        const bool authors_win =
            author_ranges != 0 && author_ranges * kTagValuesPerAuthorRange < tag->values.size();
        return authors_win ? author_plan(filter) : tag_plan(*tag);
    }
    if (!filter.authors.empty()) return author_plan(filter);
    if (const TagFilter* tag = narrowest_tag(filter, true)) return tag_plan(*tag);
    if (!filter.kinds.empty()) return kind_plan(filter);
    return {Plan::Way::ranges, Index::created_at, {std::string()}};
}

}  // namespace

Plan make_plan(const Filter& filter) {
    if (filter.never || filter.since > filter.until || filter.until < 0) return {};
    if (filter.limit && *filter.limit == 0) return {};
    Plan plan = choose(filter);
    // In the order of the tree, neighbouring seeks share pages. Two values may share one hash.
    std::sort(plan.keys.begin(), plan.keys.end());
    plan.keys.erase(std::unique(plan.keys.begin(), plan.keys.end()), plan.keys.end());
    return plan;
}

}  // namespace parrhesia::store::lmdb
