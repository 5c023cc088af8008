#include "parrhesia/policy/rates.hpp"

#include "parrhesia/base/seeded_hash.hpp"

#include "policy/bucket_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace parrhesia::policy {
namespace {

using base::SteadyTime;
using base::TokenBucket;
using base::TokenRate;
using Refused = std::optional<base::Refusal>;

constexpr unsigned kNetworkBytes = 6;  // an IPv6 /48

// What is limited, and for whom.
struct Words {
    std::string_view name;  // of the counter
    std::string_view what;
    std::string_view whom;
};

constexpr std::array<Words, kRateReasons> kWords = {{
    {"event_connection", "EVENT", "on this connection"},
    {"event_ip", "EVENT", "from this address"},
    {"event_network", "EVENT", "from this network (IPv6 /48)"},
    {"event_pubkey", "EVENT", "by this pubkey"},
    {"event_kind_group", "EVENT", "of this kind"},
    {"req_connection", "REQ", "on this connection"},
    {"req_ip", "REQ", "from this address"},
    {"count_connection", "COUNT", "on this connection"},
    {"count_ip", "COUNT", "from this address"},
    {"auth_connection", "AUTH", "on this connection"},
    {"auth_ip", "AUTH", "from this address"},
}};

const Words& words_of(RateReason reason) noexcept {
    return kWords[static_cast<std::size_t>(reason)];
}

// Rounded up, so that who waits that long is let in.
std::int64_t whole_seconds(TokenBucket::Wait wait) noexcept {
    constexpr auto kSecond = TokenBucket::Wait(std::chrono::seconds(1));
    return (wait + kSecond - TokenBucket::Wait(1)) / kSecond;
}

base::IpAddress network_prefix(base::IpAddress address) noexcept {
    std::fill(address.bytes.begin() + kNetworkBytes, address.bytes.end(), std::uint8_t{0});
    return address;
}

std::string_view view_of(const base::IpAddress& address) noexcept {
    return {reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()};
}

}  // namespace

std::string_view name_of(RateReason reason) noexcept { return words_of(reason).name; }

std::int64_t RateLimiter::AddressBuckets::full_at() const noexcept {
    return std::max({event.full_at(), req.full_at(), count.full_at(), auth.full_at()});
}

RateLimiter::RateLimiter(const Rates& rates, base::MetricsRegistry& registry)
    : RateLimiter(rates, registry, Bounds()) {}

RateLimiter::RateLimiter(const Rates& rates, base::MetricsRegistry& registry, Bounds bounds)
    : rates_(rates),
      seed_(base::random_seed()),
      addresses_(bounds.addresses),
      networks_(bounds.addresses) {
    for (std::size_t i = 0; i < kRateReasons; ++i) {
        counters_[i] = &registry.counter("parrhesia_rate_limited_total",
                                         "Messages refused because they came too fast, by the rate",
                                         {{"reason", std::string(kWords[i].name)}});
    }
    const bool has_groups = !rates_.kind_groups.empty();
    if (has_groups || rates_.event_pubkey.is_bounded()) {
        keyed_ = std::make_unique<BucketTable>(bounds.pubkeys);
    }
    if (has_groups) group_by_kind_.resize(std::size_t{1} << 16U);
    for (std::size_t index = 0; index < rates_.kind_groups.size(); ++index) {
        for (const event::KindSet::Range range : rates_.kind_groups[index].kinds.ranges()) {
            std::fill(group_by_kind_.begin() + range.first, group_by_kind_.begin() + range.last + 1,
                      static_cast<std::uint8_t>(index + 1));
        }
    }
}

RateLimiter::~RateLimiter() = default;

Refused RateLimiter::check(TokenBucket& bucket, const TokenRate& rate, RateReason reason,
                           SteadyTime now) {
    const auto wait = bucket.take(rate, now);
    if (wait == TokenBucket::Wait::zero()) return std::nullopt;
    return refuse(rate, reason, wait);
}

Refused RateLimiter::refuse(const TokenRate& rate, RateReason reason, TokenBucket::Wait wait,
                            const KindGroup* group) {
    counters_[static_cast<std::size_t>(reason)]->add();
    const Words& words = words_of(reason);
    const std::string of_group =
        group == nullptr ? std::string() : fmt::format(" (group {})", group->name);
    return base::Refusal{base::Errc::rate_limited,
                         fmt::format("{} {} per second {}{}; try again in {} s", rate.per_second(),
                                     words.what, words.whom, of_group, whole_seconds(wait))};
}

const KindGroup* RateLimiter::group_of(event::Kind kind) const noexcept {
    if (group_by_kind_.empty() || group_by_kind_[kind] == 0) return nullptr;
    return &rates_.kind_groups[group_by_kind_[kind] - 1U];
}

std::uint64_t RateLimiter::key_of(std::string_view identity,
                                  const KindGroup* group) const noexcept {
    const std::uint64_t which =
        group == nullptr ? 0 : static_cast<std::uint64_t>(group - rates_.kind_groups.data()) + 1;
    return base::seeded_hash(identity, seed_ + which);
}

ClientRates::ClientRates(RateLimiter& limiter, const base::IpAddress& address, bool exempt,
                         SteadyTime now)
    : limiter_(limiter), prefix_(address.client_prefix()) {
    if (exempt) return;
    address_ = limiter.addresses_.get(prefix_, now);
    if (!address.is_v4()) network_ = limiter.networks_.get(network_prefix(address), now);
}

Refused ClientRates::check_event(SteadyTime now) {
    const Rates& rates = limiter_.rates_;
    auto refused =
        limiter_.check(event_, rates.event_connection, RateReason::event_connection, now);
    if (!refused) {
        refused = limiter_.check(address_->event, rates.event_ip, RateReason::event_ip, now);
    }
    if (!refused && network_) {
        refused =
            limiter_.check(network_->event, rates.event_network, RateReason::event_network, now);
    }
    return refused;
}

Refused ClientRates::check_author(const event::EventView& event, SteadyTime now) {
    if (!limiter_.keyed_) return std::nullopt;
    const bool throwaway = has_throwaway_key(event.kind());
    const TokenRate& of_pubkey = limiter_.rates_.event_pubkey;
    if (of_pubkey.is_bounded() && !throwaway) {
        const std::uint64_t key = limiter_.key_of(event.pubkey_bytes(), nullptr);
        const auto wait = limiter_.keyed_->take(key, of_pubkey, now);
        if (wait != TokenBucket::Wait::zero()) {
            return limiter_.refuse(of_pubkey, RateReason::event_pubkey, wait);
        }
    }
    const KindGroup* group = limiter_.group_of(event.kind());
    if (group == nullptr) return std::nullopt;
    const std::uint64_t key =
        limiter_.key_of(throwaway ? view_of(prefix_) : event.pubkey_bytes(), group);
    const auto wait = limiter_.keyed_->take(key, group->rate, now);
    if (wait == TokenBucket::Wait::zero()) return std::nullopt;
    return limiter_.refuse(group->rate, RateReason::event_kind_group, wait, group);
}

void ClientRates::give_back(const event::EventView& event) noexcept {
    if (exempt() || !limiter_.keyed_ || has_throwaway_key(event.kind())) return;
    if (limiter_.rates_.event_pubkey.is_bounded()) {
        limiter_.keyed_->give_back(limiter_.key_of(event.pubkey_bytes(), nullptr),
                                   limiter_.rates_.event_pubkey);
    }
    if (const KindGroup* group = limiter_.group_of(event.kind())) {
        limiter_.keyed_->give_back(limiter_.key_of(event.pubkey_bytes(), group), group->rate);
    }
}

Refused ClientRates::req(SteadyTime now) {
    if (exempt()) return std::nullopt;
    const Rates& rates = limiter_.rates_;
    auto refused = limiter_.check(req_, rates.req_connection, RateReason::req_connection, now);
    if (!refused) refused = limiter_.check(address_->req, rates.req_ip, RateReason::req_ip, now);
    return refused;
}

Refused ClientRates::count(SteadyTime now) {
    if (exempt()) return std::nullopt;
    const Rates& rates = limiter_.rates_;
    auto refused =
        limiter_.check(count_, rates.count_connection, RateReason::count_connection, now);
    if (!refused) {
        refused = limiter_.check(address_->count, rates.count_ip, RateReason::count_ip, now);
    }
    return refused;
}

Refused ClientRates::auth(SteadyTime now) {
    if (exempt()) return std::nullopt;
    const Rates& rates = limiter_.rates_;
    auto refused = limiter_.check(auth_, rates.auth_connection, RateReason::auth_connection, now);
    if (!refused) refused = limiter_.check(address_->auth, rates.auth_ip, RateReason::auth_ip, now);
    return refused;
}

}  // namespace parrhesia::policy
