// What the connection below a link says about itself.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace parrhesia::mesh {

struct Channel {
    // Of the TLS session (RFC 8446, section 7.5); all zero without TLS.
    std::array<std::uint8_t, 32> exporter{};
    // The names in the certificate of the other side, where it had to show one: its node id must be
    // among them.
    std::optional<std::vector<std::string>> certified;
};

}  // namespace parrhesia::mesh
