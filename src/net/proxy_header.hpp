// The header of the PROXY protocol, version 2: what a proxy in front of us says about its client
// before the client's first byte. Values in, values out: no sockets.
// https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
#pragma once

#include "parrhesia/base/network.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace parrhesia::net {

// Addresses, and room for TLVs; a header that claims to be longer is bad.
inline constexpr std::size_t kMaxProxyHeaderBytes = 16 + 4096;

struct ProxyHeader {
    enum class Status {
        incomplete,  // no mistake so far: read on
        complete,    // `bytes` and `client` are valid
        bad,         // version 1, garbage, or what version 2 does not define
    };
    Status status = Status::bad;
    std::size_t bytes = 0;  // of the header; the client's own begin after it
    // Empty: the proxy speaks for itself (LOCAL: a health check), or its client has no IP address.
    std::optional<base::IpAddress> client;
};

// Reads the header at the start of `received`. TLVs are skipped.
[[nodiscard]] ProxyHeader parse_proxy_header(std::string_view received) noexcept;

}  // namespace parrhesia::net
