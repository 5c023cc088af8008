// JSON lines into the store: read, check on several threads, store in order.
#pragma once

#include "parrhesia/policy/limits.hpp"
#include "parrhesia/store/event_store.hpp"

#include "app/import_batch.hpp"
#include "app/import_report.hpp"
#include "app/line_reader.hpp"

#include <cstddef>
#include <functional>
#include <string>

namespace parrhesia::app {

struct ImportOptions {
    policy::Limits limits;  // of size and number; the window of created_at does not apply
    unsigned check_threads = 1;
    std::size_t batch_events = 1000;                 // at most, in one transaction
    std::size_t batch_bytes = std::size_t{4} << 20;  // of input; one line may exceed it
    // Events that only their authors may publish (NIP-70): for a backup of this very relay.
    bool with_protected = false;
};

// A line that could hold an event of `event_bytes`: other software writes blanks and escapes that
// the canonical form does not have.
[[nodiscard]] std::size_t max_line_bytes(const policy::Limits& limits) noexcept;

enum class ImportEnd { complete, stopped, input_failed, store_failed };

struct ImportResult {
    ImportEnd end = ImportEnd::complete;
    std::string error;  // of input_failed and store_failed
};

// A stop ends the reading; what was read before is still stored, so that no line of a pipe is lost.
// To run again with the same input is harmless: what is stored already counts as duplicate. Memory:
// a few batches. Errors: in the result; std::bad_alloc goes through.
[[nodiscard]] ImportResult import_events(LineReader& input, store::EventStore& store,
                                         const ImportOptions& options, ImportReport& report,
                                         const std::function<bool()>& stop_requested);

}  // namespace parrhesia::app
