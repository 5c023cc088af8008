// The client's address as reverse proxies hand it on. Values in, values out: no sockets.
#pragma once

#include "parrhesia/base/network.hpp"
#include "parrhesia/net/relay_server.hpp"

#include <optional>
#include <string_view>

namespace parrhesia::net {

// `value`: that of the header, several lines joined with commas. Each proxy adds the address of its
// own peer at the right, and only our proxies can be believed: the client is the right-most address
// that is not one of theirs (the left-most of all if all are). What stands to its left may be made
// up, and is not looked at.
//
// Empty: there is no address, or something on the way to it is none ("unknown", a name, a zone).
[[nodiscard]] std::optional<base::IpAddress> forwarded_client(ForwardedHeader header,
                                                              std::string_view value,
                                                              const base::NetworkList& trusted);

// The name of the header; empty for ForwardedHeader::none.
[[nodiscard]] std::string_view name_of(ForwardedHeader header) noexcept;

}  // namespace parrhesia::net
