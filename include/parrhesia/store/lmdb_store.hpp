// The indexes of the embedded store: LMDB in a folder. A store of its own in tests; a relay opens
// embedded_store.hpp. The format is docs/storage.md.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/store/event_store.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace parrhesia::store {

struct LmdbOptions {
    std::filesystem::path path;  // the folder; made (mode 0700) when missing and not read_only
    // Look only: no lock on the folder, several processes may do so beside one writing process.
    bool read_only = false;
    std::uint32_t max_readers = 126;  // read transactions at one time, all processes together
    std::uint64_t initial_map_bytes = std::uint64_t{1}
                                      << 30;  // address space; doubles when it is full
    // A request to vanish that names one of these, normalized (base/relay_url.hpp), is honoured, as
    // is one to all relays (NIP-62).
    std::vector<std::string> relay_urls;
    // Tells what has expired (NIP-40); outlives the store. Null: the system's clock.
    const base::Clock* clock = nullptr;
};

// Opens or creates. One writing process per folder. A folder that cannot be written (read-only file
// system, missing rights) is opened for reading, and writable() says so.
//
// Errors: throws std::runtime_error whose text names the folder and the remedy: another process has
// it, a newer or foreign format, a damaged or truncated file.
[[nodiscard]] std::unique_ptr<EventStore> open_lmdb_store(const LmdbOptions& options);

struct StoreCheck {
    std::uint64_t events = 0;
    std::uint64_t index_entries = 0;
    std::uint64_t tombstones = 0;
    std::uint64_t problem_count = 0;
    std::vector<std::string> problems;  // the first of them, one sentence each
};

// Opens the folder and compares every event with every index. Not for a folder that this process
// has open already: LMDB allows that only once.
//
// Errors: throws as open_lmdb_store(); what the check finds is in the result.
[[nodiscard]] StoreCheck check_lmdb_store(const LmdbOptions& options);

}  // namespace parrhesia::store
