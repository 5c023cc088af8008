#include "process_use.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace parrhesia::bench {

ProcessUse use_of(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(file, text);
    const std::size_t name_end = text.rfind(')');  // the name may hold anything
    if (name_end == std::string::npos) {
        throw std::runtime_error(fmt::format("there is no process {} (--pid)", pid));
    }
    std::istringstream fields(text.substr(name_end + 1));
    std::string skipped;
    for (int i = 3; i < 14; ++i) fields >> skipped;
    std::uint64_t user = 0;
    std::uint64_t system = 0;
    std::uint64_t pages = 0;
    fields >> user >> system;
    for (int i = 16; i < 24; ++i) fields >> skipped;
    fields >> pages;
    ProcessUse use;
    use.cpu_seconds =
        static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    use.resident_bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::ifstream io(fmt::format("/proc/{}/io", pid));
    for (std::string key; io >> key;) {
        std::uint64_t value = 0;
        io >> value;
        if (key == "write_bytes:") use.dirtied_bytes = value;
    }
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssAnon:")) use.anonymous_bytes = std::stoull(line.substr(8)) * 1024;
    }
    return use;
}

void raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace parrhesia::bench
