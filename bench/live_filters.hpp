// What subscribers of live events ask for, and which events of a corpus that is.
#pragma once

#include "event_table.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::bench {

struct LiveFilter {
    std::string json;                                 // matches nothing that is stored ("limit":0)
    std::shared_ptr<const std::vector<bool>> wanted;  // by event; equal filters share it
};

// `count` filters by `by`: "everything", "authors" (so many in each), "kinds" or "tags".
// Errors: throws std::runtime_error for another word.
[[nodiscard]] std::vector<LiveFilter> make_live_filters(const EventTable& events,
                                                        std::string_view by, std::size_t count,
                                                        std::size_t authors_per_filter);

}  // namespace parrhesia::bench
