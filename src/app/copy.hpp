// All events of a store into another one.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "app/import_report.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>

namespace parrhesia::app {

// Where a copy goes on that was interrupted.
struct CopyCheckpoint {
    // The target has every event that is newer; those of this second may be missing.
    std::int64_t until = std::numeric_limits<std::int64_t>::max();
    std::uint64_t events = 0;       // of the source, that are newer
    std::uint64_t may_be_gone = 0;  // of them: the target did not keep them, or they expire
};

enum class CopyEnd { complete, stopped, source_failed, target_failed };

struct CopyResult {
    CopyEnd end = CopyEnd::complete;
    std::string error;  // of source_failed and target_failed
    // Of what was read now and before, the target must have so many.
    std::uint64_t expected = 0;
};

struct CopyOptions {
    std::size_t batch_events = 1000;  // at most, in one transaction
    CopyCheckpoint from;
    // After each batch is durable. Not called while deletions are copied, which each run does
    // again.
    std::function<void(const CopyCheckpoint&)> save;
    std::function<bool()> stop_requested;
};

// First what takes other events away (kinds 5 and 62), then the rest, newest first. A request to
// vanish takes the gift wraps that the store has by then, and newer ones are welcome, so it must be
// there before those that have outlived it in the source; with deletions it is so that what one
// takes is counted. Events that have expired stay behind. Signatures are not verified: they were
// when the source got the events. What cannot be parsed, or what
// the target alone cannot take, counts as refused.
//
// To copy again is harmless: what the target has already counts as duplicate. Memory: one batch.
// Errors: in the result; std::bad_alloc goes through.
[[nodiscard]] CopyResult copy_events(store::EventStore& source, store::EventStore& target,
                                     const CopyOptions& options, ImportReport& report);

// All that queries could find, without a look at the events. Nothing after a stop, or when the
// store fails.
[[nodiscard]] std::optional<std::uint64_t> count_events(
    store::EventStore& store, const std::function<bool()>& stop_requested);

}  // namespace parrhesia::app
