// Whether the indexes and the events of a store agree.
#pragma once

#include "parrhesia/store/lmdb_store.hpp"

#include "store/lmdb/environment.hpp"

namespace parrhesia::store::lmdb {

// In one snapshot; reads every event. Threading: any thread, besides everything else.
[[nodiscard]] StoreCheck check(Environment& environment);

}  // namespace parrhesia::store::lmdb
