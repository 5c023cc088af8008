// Counts open connections, in all and per client address, and refuses those above the limits.
#pragma once

#include "parrhesia/base/network.hpp"

#include <cstddef>
#include <mutex>
#include <unordered_map>

namespace parrhesia::net {

// Threading: any thread; taken once when a connection opens and once when it ends.
class ConnectionGate {
  public:
    enum class Verdict { enter, too_many, too_many_of_address };

    ConnectionGate(std::size_t max_connections, std::size_t max_per_address,
                   base::NetworkList exempt)
        : max_connections_(max_connections),
          max_per_address_(max_per_address),
          exempt_(std::move(exempt)) {}

    // Counts the connection if the verdict is `enter`; leave() then belongs to it. An IPv6 client
    // is its /64.
    [[nodiscard]] Verdict enter(const base::IpAddress& address);
    void leave(const base::IpAddress& address) noexcept;

    // A connection of a proxy whose client is not known yet: counted in the total alone.
    [[nodiscard]] Verdict enter_unnamed();
    // Its client is known: counted for that address, too, if the verdict is `enter`, and leave()
    // takes the place of leave_unnamed(). `exempt`: spared the limit per address.
    [[nodiscard]] Verdict name(const base::IpAddress& address, bool exempt);
    void leave_unnamed() noexcept;

    [[nodiscard]] bool is_exempt(const base::IpAddress& address) const noexcept {
        return exempt_.contains(address);
    }

  private:
    [[nodiscard]] Verdict count_address(const base::IpAddress& address, bool exempt);

    const std::size_t max_connections_;
    const std::size_t max_per_address_;
    const base::NetworkList exempt_;

    std::mutex mutex_;
    // guarded by mutex_
    std::size_t open_ = 0;
    std::unordered_map<base::IpAddress, std::size_t> open_by_address_;
};

}  // namespace parrhesia::net
