// Which index answers a filter.
#pragma once

#include "parrhesia/event/filter.hpp"

#include "store/lmdb/keys.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace parrhesia::store::lmdb {

// How to find every event that may match. What is found is still matched against the whole filter.
struct Plan {
    enum class Way : std::uint8_t {
        nothing,  // no event can match
        lookup,   // `keys` are whole keys of `index` (id or address), one event each at most
        ranges,   // `keys` are prefixes of `index`, each followed by a sort suffix; sorted
    };
    Way way = Way::nothing;
    Index index = Index::created_at;
    std::vector<std::string> keys;
};

// The order of preference is in docs/storage.md.
[[nodiscard]] Plan make_plan(const event::Filter& filter);

}  // namespace parrhesia::store::lmdb
