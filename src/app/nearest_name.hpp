// "Did you mean ...?"
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::app {

// Insertions, deletions, substitutions and swaps of neighbours that turn one into the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The one of `names` (not empty) that is nearest to `name`, the first of several.
[[nodiscard]] std::string nearest_name(std::string_view name,
                                       const std::vector<std::string>& names);

// The key nearest to `name`, which may lack its section.
[[nodiscard]] std::string nearest_config_key(std::string_view name);

}  // namespace parrhesia::app
