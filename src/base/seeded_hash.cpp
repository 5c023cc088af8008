#include "parrhesia/base/seeded_hash.hpp"

#include <xxhash.h>

#include <random>

namespace parrhesia::base {

std::uint64_t seeded_hash(std::string_view bytes, std::uint64_t seed) noexcept {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t random_seed() {
    std::random_device source;
    return std::uint64_t{source()} << 32U | source();
}

}  // namespace parrhesia::base
