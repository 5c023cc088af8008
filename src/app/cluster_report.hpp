// A cluster as one of its relays sees it, for people.
#pragma once

#include "parrhesia/mesh/status.hpp"

#include <string>

namespace parrhesia::app {

// Several lines: the relay itself, a table of its peers, who sees whom, and what is wrong.
[[nodiscard]] std::string cluster_report(const mesh::NodeStatus& status);

// Another relay is known, each that has not left in order is up, and nobody is cut off from
// anybody.
[[nodiscard]] bool is_whole(const mesh::NodeStatus& status) noexcept;

}  // namespace parrhesia::app
