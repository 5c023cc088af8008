#include "parrhesia/policy/query_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace parrhesia::policy {
namespace {

using event::Filter;

// To find the start of a range, against reading the next entry of one.
constexpr std::uint64_t kRangeCost = 4;
// Entries read for one that matches, for each condition that is checked on the event itself.
constexpr std::uint64_t kMissFactor = 4;
// From here on no index of authors and kinds together is used (docs/storage.md).
constexpr std::uint64_t kMaxCombinations = 2000;
constexpr std::int64_t kNarrowSeconds = 24 * 3600;

bool is_narrow(const Filter& filter, std::int64_t now) noexcept {
    const std::int64_t newest = std::min(filter.until, now);
    return filter.since > 0 && newest - filter.since <= kNarrowSeconds;
}

// Ranges of the tag condition with the fewest values.
std::uint64_t fewest_values(const Filter& filter) noexcept {
    std::size_t fewest = filter.tags.front().values.size();
    for (const auto& tag : filter.tags) fewest = std::min(fewest, tag.values.size());
    return fewest;
}

std::string advice_for(const FilterCost& cost) {
    if (cost.is_broad) {
        return "it names no ids, authors, tags or kinds: add some, ask for a day or less with "
               "since, or lower its limit";
    }
    if (cost.ranges * kRangeCost > cost.total() / 2) {
        return fmt::format("it has to look in {} places: ask for fewer values at a time",
                           cost.ranges);
    }
    if (cost.unsorted != 0) {
        return "it combines conditions that no index answers together: ask for fewer of them, or "
               "lower its limit";
    }
    return "lower its limit";
}

}  // namespace

std::uint64_t FilterCost::total() const noexcept { return ranges * kRangeCost + rows; }

FilterCost estimate_cost(const Filter& filter, std::uint32_t rows_without_limit,
                         std::int64_t now) noexcept {
    FilterCost cost;
    const std::uint64_t limit = filter.limit.value_or(rows_without_limit);
    if (filter.never || limit == 0 || filter.since > filter.until) return cost;

    const std::uint64_t authors = filter.authors.size();
    const std::uint64_t kinds = filter.kinds.size();
    if (!filter.ids.empty()) {
        cost.ranges = filter.ids.size();
        cost.rows = std::min<std::uint64_t>(limit, cost.ranges);
        return cost;
    }
    if (authors != 0 && (kinds == 0 || authors * kinds <= kMaxCombinations)) {
        cost.ranges = authors * std::max<std::uint64_t>(kinds, 1);
        cost.unsorted = filter.tags.size();
    } else if (authors != 0) {
        cost.ranges = authors;
        cost.unsorted = filter.tags.size() + 1;
    } else if (kinds != 0) {
        cost.ranges = kinds;
        cost.unsorted = filter.tags.size();
    } else {
        cost.ranges = 1;
        cost.unsorted = filter.tags.size();
    }
    if (!filter.tags.empty()) {
        // The store takes whichever index is narrower; one of the conditions is then paid for.
        const std::uint64_t by_tag = fewest_values(filter);
        if (authors == 0 || by_tag < cost.ranges) {
            cost.ranges = by_tag;
            cost.unsorted = filter.tags.size() - 1 + (authors != 0 ? 1 : 0) + (kinds != 0 ? 1 : 0);
        }
    }
    cost.is_broad = authors == 0 && kinds == 0 && filter.tags.empty() && !is_narrow(filter, now);
    // Each condition alone; several together seldom multiply, since people combine what belongs
    // together (an author's reactions to a note).
    cost.rows = limit * (1 + (kMissFactor - 1) * cost.unsorted);
    if (cost.is_broad) cost.rows = limit * kMissFactor;
    return cost;
}

std::optional<base::Refusal> check_cost(const std::vector<Filter>& filters,
                                        std::uint32_t rows_without_limit, std::uint64_t max_cost,
                                        std::int64_t now_unix_seconds) {
    if (max_cost == 0) return std::nullopt;
    std::uint64_t together = 0;
    std::size_t dearest = 0;
    FilterCost most;
    for (std::size_t i = 0; i < filters.size(); ++i) {
        const FilterCost cost = estimate_cost(filters[i], rows_without_limit, now_unix_seconds);
        together += cost.total();
        if (cost.total() <= most.total()) continue;
        most = cost;
        dearest = i;
    }
    if (together <= max_cost) return std::nullopt;
    return base::Refusal{
        base::Errc::too_many,
        fmt::format("the query would cost about {} units, at most {} are allowed; the dearest of "
                    "its {} filters is number {} ({} units): {}",
                    together, max_cost, filters.size(), dearest + 1, most.total(),
                    advice_for(most))};
}

}  // namespace parrhesia::policy
