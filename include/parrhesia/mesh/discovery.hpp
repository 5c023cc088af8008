// Where a relay of a cluster finds the others: the sources that cluster.discovery names.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/base/network.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace parrhesia::mesh {

struct HostPort {
    std::string host;  // a name, or an address in its shortest form, without brackets
    std::uint16_t port = 0;
    friend bool operator==(const HostPort&, const HostPort&) = default;
};
// "10.0.0.6:7447", "[fd00::6]:7447" or "relay-2.internal:7447"; port 0 is taken.
[[nodiscard]] base::Checked<HostPort> parse_host_port(std::string_view text);
// The same form: one text for each address, so that targets can be compared.
[[nodiscard]] std::string to_text(const HostPort& target);

// Additions only: that a source does not name a relay any more ends no link.
struct DiscoverySource {
    enum class Kind : std::uint8_t {
        fixed,     // "static:10.0.0.6:7447", also with a name
        dns,       // "dns:relay.internal:7447": every address of the name
        srv,       // "srv:_mesh._tcp.relay.internal": names and ports from DNS
        postgres,  // "postgres": the registry in the shared database
    };
    Kind kind = Kind::fixed;
    HostPort target;   // the host alone for srv, nothing for postgres
    std::string text;  // as it was written
    friend bool operator==(const DiscoverySource&, const DiscoverySource&) = default;
};
[[nodiscard]] base::Checked<DiscoverySource> parse_discovery(std::string_view text);

// Nobody on the Internet sends from there or gets there: the loopback, private networks (RFC 1918,
// RFC 4193) and those of one link.
[[nodiscard]] bool is_private_or_loopback(const base::IpAddress& address);

}  // namespace parrhesia::mesh
