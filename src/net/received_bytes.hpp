// The rate of received bytes: of a connection, and of all connections of one address.
#pragma once

#include "parrhesia/base/address_table.hpp"
#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/network.hpp"
#include "parrhesia/base/token_bucket.hpp"

#include "net/net_metrics.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace parrhesia::net {

struct AddressBytes {
    base::TokenBucket received;
    [[nodiscard]] std::int64_t full_at() const noexcept { return received.full_at(); }
};

// What the connections share. Threading: any thread.
struct ByteRates {
    ByteRates(const base::TokenRate& of_connection, const base::TokenRate& of_ip)
        : connection(of_connection), ip(of_ip), by_address(kAddresses) {}

    static constexpr std::size_t kAddresses = 65'536;
    const base::TokenRate connection;
    const base::TokenRate ip;
    base::AddressTable<AddressBytes> by_address;
};

// Of one connection. Bytes that have come cannot be refused: who sends faster than it may is not
// read for a while, and TCP lets it know.
//
// Threading: belongs to one io thread. Lifetime: not beyond the rates and the metrics.
class ReceivedBytes {
  public:
    ReceivedBytes(ByteRates& rates, NetMetrics& metrics) noexcept
        : rates_(rates), metrics_(metrics) {}

    // From now on bytes are counted; without this they are not (limits.exempt).
    void start(const base::IpAddress& client, base::SteadyTime now) {
        counted_ = rates_.connection.is_bounded() || rates_.ip.is_bounded();
        if (rates_.ip.is_bounded()) address_ = rates_.by_address.get(client.client_prefix(), now);
    }
    [[nodiscard]] bool is_counted() const noexcept { return counted_; }

    // `bytes` have come: how long not to read. Only while they are counted.
    [[nodiscard]] base::TokenBucket::Wait add(std::size_t bytes, base::SteadyTime now) noexcept {
        constexpr auto kNone = base::TokenBucket::Wait::zero();
        const auto for_connection = connection_.charge(rates_.connection, now, bytes);
        const auto for_ip = address_ ? address_->received.charge(rates_.ip, now, bytes) : kNone;
        if (for_connection > kNone) metrics_.paused_connection.add();
        if (for_ip > kNone) metrics_.paused_ip.add();
        return std::max(for_connection, for_ip);
    }

  private:
    ByteRates& rates_;
    NetMetrics& metrics_;
    base::TokenBucket connection_;
    std::shared_ptr<AddressBytes> address_;
    bool counted_ = false;
};

}  // namespace parrhesia::net
