#include "net/connection_gate.hpp"

#include <gtest/gtest.h>

namespace parrhesia::net {
namespace {

using Verdict = ConnectionGate::Verdict;

base::IpAddress ip(const char* text) { return *base::parse_ip(text); }

TEST(ConnectionGate, RefusesAboveTheTotalUntilOneLeaves) {
    ConnectionGate gate(2, 10, {});
    EXPECT_EQ(gate.enter(ip("192.0.2.1")), Verdict::enter);
    EXPECT_EQ(gate.enter(ip("192.0.2.2")), Verdict::enter);
    EXPECT_EQ(gate.enter(ip("192.0.2.3")), Verdict::too_many);
    gate.leave(ip("192.0.2.1"));
    EXPECT_EQ(gate.enter(ip("192.0.2.3")), Verdict::enter);
}

TEST(ConnectionGate, CountsEachAddressByItself) {
    ConnectionGate gate(10, 1, {});
    EXPECT_EQ(gate.enter(ip("192.0.2.1")), Verdict::enter);
    EXPECT_EQ(gate.enter(ip("::ffff:192.0.2.1")), Verdict::too_many_of_address);
    EXPECT_EQ(gate.enter(ip("192.0.2.2")), Verdict::enter);
    gate.leave(ip("192.0.2.1"));
    EXPECT_EQ(gate.enter(ip("192.0.2.1")), Verdict::enter);
}

TEST(ConnectionGate, AnIpv6ClientIsItsPrefix) {
    ConnectionGate gate(10, 1, {});
    EXPECT_EQ(gate.enter(ip("2001:db8::1")), Verdict::enter);
    EXPECT_EQ(gate.enter(ip("2001:db8::ffff:2")), Verdict::too_many_of_address);
    EXPECT_EQ(gate.enter(ip("2001:db8:0:1::1")), Verdict::enter);
}

TEST(ConnectionGate, ExemptNetworksAreSparedTheLimitPerAddressOnly) {
    base::NetworkList exempt;
    ASSERT_TRUE(exempt.add("127.0.0.0/8"));
    ConnectionGate gate(3, 1, exempt);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(gate.enter(ip("127.0.0.1")), Verdict::enter);
    EXPECT_EQ(gate.enter(ip("127.0.0.1")), Verdict::too_many);
}

}  // namespace
}  // namespace parrhesia::net
