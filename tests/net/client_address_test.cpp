#include "net/client_address.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace parrhesia::net {
namespace {

using Verdict = ConnectionGate::Verdict;

base::IpAddress ip(const char* text) { return *base::parse_ip(text); }

class ClientAddressTest : public testing::Test {
  protected:
    ClientAddressTest() {
        EXPECT_TRUE(options.trusted_proxies.add("10.0.0.0/8"));
        EXPECT_TRUE(options.exempt.add("10.0.0.0/8"));
        EXPECT_TRUE(options.exempt.add("198.51.100.0/24"));
        options.max_connections_per_ip = 1;
    }
    // A connection that has just been accepted.
    ClientAddress accepted(const char* peer) {
        if (!gate) gate.emplace(10, options.max_connections_per_ip, options.exempt);
        const auto verdict =
            speaks_for_others(options, ip(peer)) ? gate->enter_unnamed() : gate->enter(ip(peer));
        EXPECT_EQ(verdict, Verdict::enter);
        return {*gate, options, metrics, ip(peer)};
    }
    static HttpRequest request(std::initializer_list<const char*> forwarded_for) {
        HttpRequest made;
        for (const char* line : forwarded_for) made.insert("X-Forwarded-For", line);
        return made;
    }

    RelayServerOptions options;
    base::MetricsRegistry registry;
    NetMetrics metrics{registry};
    std::optional<ConnectionGate> gate;
};

TEST_F(ClientAddressTest, AHeaderOfSomebodyElseIsNotBelieved) {
    auto client = accepted("192.0.2.1");
    EXPECT_EQ(client.settle(request({"198.51.100.1"})), Verdict::enter);
    EXPECT_EQ(client.get(), ip("192.0.2.1"));
    EXPECT_FALSE(client.is_exempt());
}

TEST_F(ClientAddressTest, ATrustedProxyNamesItsClient) {
    auto client = accepted("10.0.0.1");
    EXPECT_EQ(client.settle(request({"192.0.2.9"})), Verdict::enter);
    EXPECT_EQ(client.get(), ip("192.0.2.9"));
    EXPECT_FALSE(client.is_exempt());
}

TEST_F(ClientAddressTest, SeveralLinesAreOneList) {
    auto client = accepted("10.0.0.1");
    EXPECT_EQ(client.settle(request({"203.0.113.1", "192.0.2.9", "10.0.0.7"})), Verdict::enter);
    EXPECT_EQ(client.get(), ip("192.0.2.9"));
}

TEST_F(ClientAddressTest, ThePerAddressLimitCountsTheClientNotTheProxy) {
    auto one = accepted("10.0.0.1");
    EXPECT_EQ(one.settle(request({"192.0.2.9"})), Verdict::enter);
    auto same = accepted("10.0.0.2");
    EXPECT_EQ(same.settle(request({"192.0.2.9"})), Verdict::too_many_of_address);
    auto other = accepted("10.0.0.1");
    EXPECT_EQ(other.settle(request({"192.0.2.8"})), Verdict::enter);
    {
        auto exempt = accepted("10.0.0.1");
        EXPECT_EQ(exempt.settle(request({"198.51.100.3"})), Verdict::enter);
        EXPECT_TRUE(exempt.is_exempt());
    }
}

TEST_F(ClientAddressTest, WhoLeavesMakesRoom) {
    {
        auto one = accepted("10.0.0.1");
        EXPECT_EQ(one.settle(request({"192.0.2.9"})), Verdict::enter);
        auto refused = accepted("10.0.0.1");
        EXPECT_EQ(refused.settle(request({"192.0.2.9"})), Verdict::too_many_of_address);
    }
    auto next = accepted("10.0.0.1");
    EXPECT_EQ(next.settle(request({"192.0.2.9"})), Verdict::enter);
    // Ten in all, and one is here.
    for (int i = 0; i < 9; ++i) EXPECT_EQ(gate->enter_unnamed(), Verdict::enter);
    EXPECT_EQ(gate->enter_unnamed(), Verdict::too_many);
}

TEST_F(ClientAddressTest, ABadHeaderLeavesTheProxysAddressWithoutItsExemption) {
    auto client = accepted("10.0.0.1");
    EXPECT_EQ(client.settle(request({"unknown"})), Verdict::enter);
    EXPECT_EQ(client.get(), ip("10.0.0.1"));
    EXPECT_FALSE(client.is_exempt());
    EXPECT_EQ(metrics.bad_forwarded.value(), 1U);
}

TEST_F(ClientAddressTest, WithoutTheHeaderTheProxyIsTheClient) {
    auto client = accepted("10.0.0.1");
    EXPECT_EQ(client.settle(request({})), Verdict::enter);
    EXPECT_EQ(client.get(), ip("10.0.0.1"));
    EXPECT_TRUE(client.is_exempt());
    EXPECT_EQ(metrics.bad_forwarded.value(), 0U);
}

TEST_F(ClientAddressTest, TheProxyProtocolNamesTheClientOrTheNextProxy) {
    options.proxy_protocol = true;
    auto direct = accepted("192.0.2.1");
    EXPECT_FALSE(direct.expects_proxy_header());
    auto client = accepted("10.0.0.1");
    EXPECT_TRUE(client.expects_proxy_header());
    client.set_proxied(ip("192.0.2.9"));
    EXPECT_EQ(client.settle(request({"203.0.113.1"})), Verdict::enter);
    EXPECT_EQ(client.get(), ip("192.0.2.9"));
    auto through_two = accepted("10.0.0.1");
    through_two.set_proxied(ip("10.0.0.5"));
    EXPECT_EQ(through_two.settle(request({"203.0.113.1"})), Verdict::enter);
    EXPECT_EQ(through_two.get(), ip("203.0.113.1"));
}

TEST_F(ClientAddressTest, AMovedOneLeavesTheGateOnce) {
    gate.emplace(1, 1, base::NetworkList());
    {
        ASSERT_EQ(gate->enter(ip("192.0.2.1")), Verdict::enter);
        ClientAddress one(*gate, options, metrics, ip("192.0.2.1"));
        const ClientAddress other(std::move(one));
    }
    EXPECT_EQ(gate->enter(ip("192.0.2.1")), Verdict::enter);
    EXPECT_EQ(gate->enter(ip("192.0.2.2")), Verdict::too_many);
}

}  // namespace
}  // namespace parrhesia::net
