// How often a client may ask: token buckets for each connection, address, network, pubkey and group
// of kinds.
#pragma once

#include "parrhesia/base/address_table.hpp"
#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/error.hpp"
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/base/network.hpp"
#include "parrhesia/base/token_bucket.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/policy/kind_group.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace parrhesia::policy {

// The messages of the [rates] section. "ip" is an IPv4 address or an IPv6 /64, "network" an
// IPv6 /48.
struct Rates {
    base::TokenRate event_connection{100, 2000};
    base::TokenRate event_ip{200, 10'000};
    base::TokenRate event_network{1000, 50'000};
    base::TokenRate event_pubkey{50, 2000};
    std::vector<KindGroup> kind_groups;  // a kind is in one of them at most
    base::TokenRate req_connection{50, 500};
    base::TokenRate req_ip{200, 5000};
    base::TokenRate count_connection{10, 200};
    base::TokenRate count_ip{50, 1000};
    base::TokenRate auth_connection{5, 50};
    base::TokenRate auth_ip{20, 500};
};

// Which bucket was empty: the label of parrhesia_rate_limited_total.
enum class RateReason : std::uint8_t {
    event_connection,
    event_ip,
    event_network,
    event_pubkey,
    event_kind_group,
    req_connection,
    req_ip,
    count_connection,
    count_ip,
    auth_connection,
    auth_ip,
};
inline constexpr std::size_t kRateReasons = 11;
[[nodiscard]] std::string_view name_of(RateReason reason) noexcept;

class BucketTable;
class ClientRates;

// The buckets that connections share. A connection holds those of its address from its first
// moment, so that no lock and no look-up stands in the way of a message; those of pubkeys are found
// by a hash in a table of fixed size.
//
// Threading: any thread. Lifetime: not beyond the registry; its ClientRates not beyond it.
class RateLimiter {
  public:
    // Bounds of memory: about 250 bytes for an address, 16 for a pubkey (and kind group).
    struct Bounds {
        std::size_t addresses = 65'536;
        std::size_t pubkeys = 262'144;
    };

    RateLimiter(const Rates& rates, base::MetricsRegistry& registry, Bounds bounds);
    RateLimiter(const Rates& rates, base::MetricsRegistry& registry);
    ~RateLimiter();
    RateLimiter(const RateLimiter&) = delete;
    RateLimiter& operator=(const RateLimiter&) = delete;

    [[nodiscard]] std::size_t addresses() const { return addresses_.size() + networks_.size(); }

  private:
    friend class ClientRates;

    struct AddressBuckets {
        base::TokenBucket event, req, count, auth;
        [[nodiscard]] std::int64_t full_at() const noexcept;
    };
    struct NetworkBuckets {
        base::TokenBucket event;
        [[nodiscard]] std::int64_t full_at() const noexcept { return event.full_at(); }
    };

    using Refused = std::optional<base::Refusal>;
    [[nodiscard]] Refused check(base::TokenBucket& bucket, const base::TokenRate& rate,
                                RateReason reason, base::SteadyTime now);
    [[nodiscard]] Refused refuse(const base::TokenRate& rate, RateReason reason,
                                 base::TokenBucket::Wait wait, const KindGroup* group = nullptr);
    [[nodiscard]] const KindGroup* group_of(event::Kind kind) const noexcept;
    // The bucket of `group` (null: of all kinds) for whoever `identity` stands for.
    [[nodiscard]] std::uint64_t key_of(std::string_view identity,
                                       const KindGroup* group) const noexcept;

    // constant after construction
    const Rates rates_;
    const std::uint64_t seed_;
    std::vector<std::uint8_t> group_by_kind_;  // 0: none; else its index + 1. Empty without groups
    std::array<base::Counter*, kRateReasons> counters_{};

    // safe from any thread
    base::AddressTable<AddressBuckets> addresses_;
    base::AddressTable<NetworkBuckets> networks_;
    std::unique_ptr<BucketTable> keyed_;  // pubkeys and kind groups
};

// What one connection may still do. About 80 bytes.
//
// A refused message uses up nothing where it was refused; it may have used up a token of a narrower
// bucket. An exempt client is never refused.
// Threading: belongs to the connection's io thread. Lifetime: not beyond its limiter.
// Errors of all: rate_limited, with the rate and when to come back.
class ClientRates {
  public:
    ClientRates(RateLimiter& limiter, const base::IpAddress& address, bool exempt,
                base::SteadyTime now);

    // An EVENT came in: the buckets of the connection, the address and its network. Ask before
    // anything that costs.
    [[nodiscard]] std::optional<base::Refusal> event(base::SteadyTime now) {
        return exempt() ? std::nullopt : check_event(now);
    }
    // Its signature is good: the buckets of its pubkey and its group of kinds. Not before, or
    // anybody could use up what is somebody else's. Kinds with throwaway keys are limited by their
    // group alone, for each address.
    [[nodiscard]] std::optional<base::Refusal> author(const event::EventView& event,
                                                      base::SteadyTime now) {
        return exempt() ? std::nullopt : check_author(event, now);
    }
    // The event was not new (a duplicate, superseded, deleted): sending somebody's old events again
    // must not keep them from sending new ones. After author() has passed.
    void give_back(const event::EventView& event) noexcept;

    [[nodiscard]] std::optional<base::Refusal> req(base::SteadyTime now);
    [[nodiscard]] std::optional<base::Refusal> count(base::SteadyTime now);
    [[nodiscard]] std::optional<base::Refusal> auth(base::SteadyTime now);

  private:
    using Refused = std::optional<base::Refusal>;

    [[nodiscard]] bool exempt() const noexcept { return !address_; }
    [[nodiscard]] Refused check_event(base::SteadyTime now);
    [[nodiscard]] Refused check_author(const event::EventView& event, base::SteadyTime now);

    RateLimiter& limiter_;
    const base::IpAddress prefix_;                          // as base::IpAddress::client_prefix()
    std::shared_ptr<RateLimiter::AddressBuckets> address_;  // null: exempt
    std::shared_ptr<RateLimiter::NetworkBuckets> network_;  // null: IPv4
    base::TokenBucket event_, req_, count_, auth_;
};

}  // namespace parrhesia::policy
