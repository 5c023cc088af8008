// Asks the admin listener of a running relay.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace parrhesia::app {

struct AdminReply {
    unsigned status = 0;  // of HTTP
    std::string body;
};

// GET `path`. Blocks, for `limit` at most.
// Errors: std::runtime_error that names the address, what went wrong and the remedy.
[[nodiscard]] AdminReply ask_admin(const std::string& host, std::uint16_t port,
                                   const std::string& path,
                                   std::chrono::milliseconds limit = std::chrono::seconds(5));

}  // namespace parrhesia::app
