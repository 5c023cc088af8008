// Stored events as JSON lines, page by page: memory does not grow with the store.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/filter.hpp"
#include "parrhesia/event/visibility.hpp"
#include "parrhesia/store/event_store.hpp"

#include "app/output_file.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace parrhesia::app {

// What an operator sees: everything but what has expired (NIP-40).
[[nodiscard]] std::shared_ptr<const event::Visibility> unexpired();

struct ExportResult {
    std::uint64_t events = 0;
    base::error_code store_error;  // the rest could not be read
    bool is_output_lost = false;   // OutputFile::error() says why
};

// Newest first, ties by lowest id, each event once. With `out` == nullptr only counts.
[[nodiscard]] ExportResult export_events(store::EventStore& store,
                                         std::vector<event::Filter> filters, OutputFile* out);

}  // namespace parrhesia::app
