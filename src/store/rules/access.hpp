// Which index serves a filter best: the one decision of query planning, the same in every store.
#pragma once

#include "parrhesia/event/filter.hpp"

#include "store/rules/keys.hpp"

#include <cstdint>
#include <vector>

namespace parrhesia::store {

struct AccessPath {
    enum class By : std::uint8_t {
        nothing,      // the filter matches no event
        id,           // filter.ids, looked up
        address,      // addresses_of(filter), looked up
        author_kind,  // every author with every kind
        author,
        tag,  // the values of `tag`
        kind,
        created_at,
    };
    By by = By::nothing;
    const event::TagFilter* tag = nullptr;  // of the filter
};

[[nodiscard]] AccessPath choose_access(const event::Filter& filter);

// The addresses that a filter with AccessPath::By::address asks for; at most one event each.
[[nodiscard]] std::vector<KeyBuffer> addresses_of(const event::Filter& filter);

}  // namespace parrhesia::store
