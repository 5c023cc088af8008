// Telling a truncated data file from one whose last pages are free and were never written.
#pragma once

#include <lmdb.h>

#include <cstdint>

namespace parrhesia::store::lmdb {

// Appends `missing` bytes of zeros (a hole: it takes no room on the disk). False when that fails.
bool extend_file(MDB_env* env, std::uint64_t missing) noexcept;

// `env` is open for writing and its file is shorter than its last page. True when all pages that
// are missing are free: the file is then as long as it should be. False when some of them hold
// data: the file is as it was.
[[nodiscard]] bool fill_gap_if_unused(MDB_env* env);

}  // namespace parrhesia::store::lmdb
