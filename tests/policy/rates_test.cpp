#include "parrhesia/policy/rates.hpp"

#include "support/event_generator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace parrhesia::policy {
namespace {

using base::TokenRate;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

const base::SteadyTime kStart{seconds(1'700'000'000)};

base::IpAddress ip(const std::string& text) { return *base::parse_ip(text); }

Rates without_bounds() {
    Rates rates;
    rates.event_connection = rates.event_ip = rates.event_network = rates.event_pubkey =
        rates.req_connection = rates.req_ip = rates.count_connection = rates.count_ip =
            rates.auth_connection = rates.auth_ip = TokenRate();
    return rates;
}

class RatesTest : public testing::Test {
  protected:
    // The limiter is made at the first client; set `rates` before.
    ClientRates client(const std::string& address = "192.0.2.1", bool exempt = false) {
        if (!limiter) limiter.emplace(rates, registry);
        return {*limiter, ip(address), exempt, kStart};
    }
    static event::EventPtr note(const char* seed, event::Kind kind = 1) {
        return test::make_event(seed, {1'700'000'000, kind, {}, ""});
    }
    double counted(const char* reason) {
        const std::string line =
            "parrhesia_rate_limited_total{reason=\"" + std::string(reason) + "\"} ";
        const std::string text = registry.render();
        const std::size_t at = text.find(line);
        return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size()));
    }

    Rates rates = without_bounds();
    base::MetricsRegistry registry;
    std::optional<RateLimiter> limiter;
};

TEST_F(RatesTest, TheTextNamesTheRateAndWhenToComeBack) {
    rates.req_ip = TokenRate(1, 1);
    auto one = client();
    EXPECT_EQ(one.req(kStart), std::nullopt);
    const auto refused = one.req(kStart + milliseconds(1));
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code, base::Errc::rate_limited);
    EXPECT_EQ(refused->text, "1 REQ per second from this address; try again in 1 s");
    EXPECT_EQ(one.req(kStart + seconds(1)), std::nullopt);
    EXPECT_EQ(counted("req_ip"), 1);
}

TEST_F(RatesTest, AConnectionHasItsOwnBuckets) {
    rates.event_connection = TokenRate(1, 2);
    auto one = client();
    auto other = client();
    EXPECT_EQ(one.event(kStart), std::nullopt);
    EXPECT_EQ(one.event(kStart), std::nullopt);
    EXPECT_TRUE(one.event(kStart));
    EXPECT_EQ(other.event(kStart), std::nullopt);
    EXPECT_EQ(one.event(kStart + seconds(1)), std::nullopt);
    EXPECT_EQ(counted("event_connection"), 1);
}

TEST_F(RatesTest, ConnectionsOfOneAddressShareItsBucket) {
    rates.event_ip = TokenRate(1, 2);
    auto one = client("192.0.2.1");
    auto same = client("::ffff:192.0.2.1");
    auto other = client("192.0.2.2");
    EXPECT_EQ(one.event(kStart), std::nullopt);
    EXPECT_EQ(same.event(kStart), std::nullopt);
    EXPECT_TRUE(one.event(kStart));
    EXPECT_TRUE(same.event(kStart));
    EXPECT_EQ(other.event(kStart), std::nullopt);
    EXPECT_EQ(counted("event_ip"), 2);
}

TEST_F(RatesTest, ANewConnectionFindsWhatTheOldOneHasUsedUp) {
    rates.count_ip = TokenRate(1, 1);
    { EXPECT_EQ(client().count(kStart), std::nullopt); }
    EXPECT_TRUE(client().count(kStart));
}

TEST_F(RatesTest, AnIpv6ClientIsItsPrefixAndItsNetworkHasMore) {
    rates.event_ip = TokenRate(1, 1);
    rates.event_network = TokenRate(1, 3);
    auto one = client("2001:db8:7:1::1");
    auto same_prefix = client("2001:db8:7:1::2");
    auto second = client("2001:db8:7:2::1");
    auto third = client("2001:db8:7:3::1");
    auto fourth = client("2001:db8:7:4::1");
    auto other_network = client("2001:db8:8:1::1");
    EXPECT_EQ(one.event(kStart), std::nullopt);
    EXPECT_TRUE(same_prefix.event(kStart));
    EXPECT_EQ(second.event(kStart), std::nullopt);
    EXPECT_EQ(third.event(kStart), std::nullopt);
    const auto refused = fourth.event(kStart);
    ASSERT_TRUE(refused);
    EXPECT_THAT(refused->text, HasSubstr("this network"));
    EXPECT_EQ(other_network.event(kStart), std::nullopt);
    EXPECT_EQ(counted("event_ip"), 1);
    EXPECT_EQ(counted("event_network"), 1);
}

TEST_F(RatesTest, APubkeyIsLimitedWhereverItComesFrom) {
    rates.event_pubkey = TokenRate(1, 1);
    auto one = client("192.0.2.1");
    auto other = client("192.0.2.2");
    EXPECT_EQ(one.author(note("alice")->view(), kStart), std::nullopt);
    EXPECT_TRUE(other.author(note("alice")->view(), kStart));
    EXPECT_EQ(other.author(note("bob")->view(), kStart), std::nullopt);
    EXPECT_EQ(counted("event_pubkey"), 1);
}

TEST_F(RatesTest, OldEventsSentAgainLeaveTheirAuthorItsTokens) {
    rates.event_pubkey = TokenRate(1, 1);
    auto attacker = client("192.0.2.1");
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(attacker.author(note("alice")->view(), kStart), std::nullopt);
        attacker.give_back(note("alice")->view());
    }
    EXPECT_EQ(client("192.0.2.2").author(note("alice")->view(), kStart), std::nullopt);
}

TEST_F(RatesTest, KindsWithThrowawayKeysAreNotLimitedByPubkey) {
    rates.event_pubkey = TokenRate(1, 1);
    auto one = client();
    for (const event::Kind kind :
         {event::kGiftWrap, event::kGroupMessage, event::kEphemeralGiftWrap}) {
        for (int i = 0; i < 10; ++i) {
            EXPECT_EQ(one.author(note("alice", kind)->view(), kStart), std::nullopt) << kind;
        }
    }
    EXPECT_EQ(one.author(note("alice")->view(), kStart), std::nullopt);
}

TEST_F(RatesTest, AKindGroupLimitsItsKindsForEachPubkey) {
    rates.kind_groups.push_back(*parse_kind_group("likes: kinds=7,16 per_second=1 burst=2"));
    auto one = client();
    EXPECT_EQ(one.author(note("alice", 7)->view(), kStart), std::nullopt);
    EXPECT_EQ(one.author(note("alice", 16)->view(), kStart), std::nullopt);
    const auto refused = one.author(note("alice", 7)->view(), kStart);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->text, "1 EVENT per second of this kind (group likes); try again in 1 s");
    EXPECT_EQ(one.author(note("alice", 1)->view(), kStart), std::nullopt);
    EXPECT_EQ(one.author(note("bob", 7)->view(), kStart), std::nullopt);
    EXPECT_EQ(counted("event_kind_group"), 1);
}

TEST_F(RatesTest, AKindGroupLimitsThrowawayKeysForEachAddress) {
    rates.kind_groups.push_back(*parse_kind_group("wraps: kinds=1059 per_second=1 burst=1"));
    auto one = client("192.0.2.1");
    auto other = client("192.0.2.2");
    EXPECT_EQ(one.author(note("key one", 1059)->view(), kStart), std::nullopt);
    EXPECT_TRUE(one.author(note("key two", 1059)->view(), kStart));
    EXPECT_EQ(other.author(note("key one", 1059)->view(), kStart), std::nullopt);
}

TEST_F(RatesTest, EachVerbHasItsOwnBuckets) {
    rates.req_connection = rates.count_connection = rates.auth_connection = TokenRate(1, 1);
    auto one = client();
    EXPECT_EQ(one.req(kStart), std::nullopt);
    EXPECT_EQ(one.count(kStart), std::nullopt);
    EXPECT_EQ(one.auth(kStart), std::nullopt);
    EXPECT_TRUE(one.req(kStart));
    EXPECT_TRUE(one.count(kStart));
    EXPECT_TRUE(one.auth(kStart));
    for (const char* reason : {"req_connection", "count_connection", "auth_connection"}) {
        EXPECT_EQ(counted(reason), 1) << reason;
    }
}

TEST_F(RatesTest, ExemptClientsAreSparedEverything) {
    const TokenRate one_ever(1, 1);
    rates.event_connection = rates.event_ip = rates.event_pubkey = rates.req_connection =
        rates.req_ip = rates.count_ip = rates.auth_ip = one_ever;
    auto friendly = client("192.0.2.1", true);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(friendly.event(kStart), std::nullopt);
        EXPECT_EQ(friendly.author(note("alice")->view(), kStart), std::nullopt);
        EXPECT_EQ(friendly.req(kStart), std::nullopt);
        EXPECT_EQ(friendly.count(kStart), std::nullopt);
        EXPECT_EQ(friendly.auth(kStart), std::nullopt);
    }
    EXPECT_EQ(client("192.0.2.2").author(note("alice")->view(), kStart), std::nullopt);
}

TEST_F(RatesTest, MemoryIsBoundedWhateverAddressesCome) {
    limiter.emplace(rates, registry, RateLimiter::Bounds{100, 100});
    for (int i = 0; i < 10'000; ++i) {
        auto one = client("2001:db8:" + std::to_string(i % 9999) + "::1");
        ASSERT_EQ(one.event(kStart), std::nullopt);
    }
    EXPECT_LE(limiter->addresses(), 200U);
}

TEST_F(RatesTest, DefaultsLeaveABusyClientAlone) {
    rates = Rates();
    auto busy = client();
    // 2000 events of one author at once, then 50 a second for a minute.
    for (int i = 0; i < 2000; ++i) {
        ASSERT_EQ(busy.event(kStart), std::nullopt);
        ASSERT_EQ(busy.author(note("alice")->view(), kStart), std::nullopt);
    }
    for (int i = 1; i <= 60 * 50; ++i) {
        const auto now = kStart + milliseconds(20) * i;
        ASSERT_EQ(busy.event(now), std::nullopt);
        ASSERT_EQ(busy.author(note("alice")->view(), now), std::nullopt);
    }
}

}  // namespace
}  // namespace parrhesia::policy
