// A hash for tables whose keys come from clients: without the seed, nobody can choose keys that
// meet in one place.
#pragma once

#include <cstdint>
#include <string_view>

namespace parrhesia::base {

[[nodiscard]] std::uint64_t seeded_hash(std::string_view bytes, std::uint64_t seed) noexcept;

// For one table, from the system's random numbers.
[[nodiscard]] std::uint64_t random_seed();

}  // namespace parrhesia::base
