// The store that the configuration names.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "app/config.hpp"

#include <memory>

namespace parrhesia::app {

// Opens it, or makes it unless `read_only`.
//
// Errors: throws std::runtime_error; the text names the folder or the key, and the remedy.
[[nodiscard]] std::unique_ptr<store::EventStore> open_store(const Config& config, bool read_only);

}  // namespace parrhesia::app
