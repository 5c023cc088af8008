// What a process has used so far, from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace parrhesia::bench {

struct ProcessUse {
    double cpu_seconds = 0;  // user and system
    std::uint64_t resident_bytes = 0;
    std::uint64_t anonymous_bytes = 0;  // of them: heap and stacks, without pages of files
    std::uint64_t dirtied_bytes =
        0;  // of files, as /proc/<pid>/io counts: whole folios, 0 if unreadable
};

// Errors: throws std::runtime_error that names the process.
[[nodiscard]] ProcessUse use_of(pid_t pid);

// As many descriptors as the system lets this process have.
void raise_descriptor_limit();

}  // namespace parrhesia::bench
