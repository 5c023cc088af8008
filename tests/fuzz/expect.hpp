// A check that stays in optimised builds: a broken promise ends the run, and libFuzzer keeps the
// input.
#pragma once

#include <cstdio>
#include <cstdlib>

#define PARRHESIA_EXPECT(condition)                                                      \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                \
        }                                                                                \
    } while (false)
