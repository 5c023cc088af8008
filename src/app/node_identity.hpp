// Who this relay is in its cluster: an id that is made once, and a number that grows with each
// start, so that the others tell this start from the last one.
//
// They live in <store.path>/node.id (32 hex digits) and <store.path>/node.boot (a decimal number).
// They belong to one relay: a copied data folder must not bring them along.
#pragma once

#include "parrhesia/base/bytes.hpp"

#include "app/config.hpp"

#include <cstdint>
#include <filesystem>

namespace parrhesia::app {

[[nodiscard]] std::filesystem::path node_id_file(const Config& config);

// Makes the file, and its folder, where there is none. Durable when it returns.
// Errors: throws std::runtime_error that names the file and the remedy when it cannot be read or
// made, or holds no id.
[[nodiscard]] base::NodeId read_or_make_node_id(const std::filesystem::path& file);

// Greater than at every earlier start, whatever the clock does. Durable when it returns.
// Errors: as read_or_make_node_id().
[[nodiscard]] std::uint64_t next_boot(const std::filesystem::path& id_file);

}  // namespace parrhesia::app
