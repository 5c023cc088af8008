// The embedded store of a relay: a journal in front of the LMDB indexes, in one folder.
//
// put() is done when its events are in the journal, one sequential, synchronous write; from
// then on queries see them. A thread of its own puts them into the indexes a little later, many at
// a time, which costs a fraction of what a transaction for each small batch would. docs/storage.md
// has the formats and the recovery.
#pragma once

#include "parrhesia/store/lmdb_store.hpp"
#include "parrhesia/store/retention.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace parrhesia::store {

struct EmbeddedOptions {
    LmdbOptions lmdb;
    std::size_t journal_file_bytes = std::size_t{4} << 20;
    // Events are put into the indexes when so many wait, so many bytes of them, or when one has
    // waited so long. Under load that goes on each batch may be twice the one before, up to the
    // largest: the larger, the cheaper for each event, and the dearer for each query meanwhile.
    std::size_t index_batch_events = 1024;
    std::size_t index_batch_bytes = std::size_t{2} << 20;
    std::chrono::milliseconds index_delay{1000};
    std::size_t largest_batch = 12;  // times the first
    // Of events that wait for the indexes; put() waits while there are more.
    std::size_t max_recent_events = 32768;
    std::size_t max_recent_bytes = std::size_t{64} << 20;
    // Applied by the indexer's thread, a few milliseconds at a time, in one pass over the store for
    // each interval.
    std::vector<RetentionRule> retention;
    std::chrono::seconds retention_interval{3600};
    // How often the indexer looks for work that nobody waits for: what has expired, or vanished.
    std::chrono::milliseconds upkeep_interval{1000};
};

// Opens or creates, and puts into the indexes what a crash has left in the journal. With
// options.lmdb.read_only the folder is left as it is; one that cannot be written is opened for
// reading, and writable() says so.
//
// Threading: starts the thread "store-indexer", which ends with the store.
// Errors: throws std::runtime_error as open_lmdb_store() does, also about the files of the journal.
[[nodiscard]] std::unique_ptr<EventStore> open_embedded_store(const EmbeddedOptions& options);

}  // namespace parrhesia::store
