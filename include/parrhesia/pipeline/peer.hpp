// Whom a connection comes from.
#pragma once

#include "parrhesia/base/network.hpp"

#include <cstdint>

namespace parrhesia::pipeline {

struct Peer {
    base::IpAddress address;       // of the client; behind a trusted proxy, what the proxy says
    bool exempt = false;           // from rates: its network is in limits.exempt
    std::uint16_t local_port = 0;  // that it has connected to
};

}  // namespace parrhesia::pipeline
