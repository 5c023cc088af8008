// Figures of a build without optimisation mean nothing, so the programs of this folder give none.
#pragma once

#include <iostream>
#include <string_view>

namespace parrhesia::bench {

#ifdef NDEBUG
inline constexpr bool kIsOptimised = true;
#else
inline constexpr bool kIsOptimised = false;
#endif

// True after saying why on standard error: the caller ends with exit code 1.
[[nodiscard]] inline bool refuses_this_build(std::string_view program) {
    if (kIsOptimised) return false;
    std::cerr << program
              << ": this is a Debug build, whose figures mean nothing; build with "
                 "-DCMAKE_BUILD_TYPE=RelWithDebInfo\n";
    return true;
}

}  // namespace parrhesia::bench
