// What a stored query would cost, judged by its filters alone, before it runs.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/filter.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace parrhesia::policy {

// In units of about one index entry read. An estimate from above for ordinary data: the reader's
// time limit (store.query_seconds) is what bounds those that turn out worse.
struct FilterCost {
    std::uint64_t ranges = 0;    // places of the indexes where it has to look
    std::uint64_t rows = 0;      // entries it reads there until its limit is reached
    bool is_broad = false;       // no ids, authors, tags or kinds, and no narrow window of time
    std::uint64_t unsorted = 0;  // conditions that no index answers together with the others
    [[nodiscard]] std::uint64_t total() const noexcept;
};

// `rows_without_limit`: what a filter that has no limit may produce (clamp_limits() leaves none in
// a REQ; a COUNT has its own bound).
[[nodiscard]] FilterCost estimate_cost(const event::Filter& filter,
                                       std::uint32_t rows_without_limit,
                                       std::int64_t now_unix_seconds) noexcept;

// Empty: the filters together cost at most `max_cost` (0: no bound).
// Errors: too_many, with the dearest filter, what makes it dear and how to narrow it. The prefix is
// thus "invalid: ": the same query is refused whenever it comes.
[[nodiscard]] std::optional<base::Refusal> check_cost(const std::vector<event::Filter>& filters,
                                                      std::uint32_t rows_without_limit,
                                                      std::uint64_t max_cost,
                                                      std::int64_t now_unix_seconds);

}  // namespace parrhesia::policy
