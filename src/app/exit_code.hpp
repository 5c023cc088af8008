// Exit codes: part of the command line's contract (docs/commands.md), never to change.
#pragma once

namespace parrhesia::app {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;       // input, output or the store failed
inline constexpr int kExitSomeRefused = 2;   // import, db copy: all was read, some was refused
inline constexpr int kExitDegraded = 3;      // cluster status: it answered, and not all is well
inline constexpr int kExitUsage = 64;        // EX_USAGE of sysexits.h
inline constexpr int kExitConfig = 78;       // EX_CONFIG
inline constexpr int kExitSignalBase = 128;  // import, db copy: stopped by signal N: 128 + N

}  // namespace parrhesia::app
