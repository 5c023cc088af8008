#include "parrhesia/base/network.hpp"

#include <gtest/gtest.h>

namespace parrhesia::base {
namespace {

TEST(IpAddress, MappedIpv4IsIpv4) {
    EXPECT_EQ(parse_ip("192.0.2.1"), parse_ip("::ffff:192.0.2.1"));
    EXPECT_EQ(parse_ip("::ffff:192.0.2.1")->to_string(), "192.0.2.1");
    EXPECT_EQ(parse_ip("2001:db8::1")->to_string(), "2001:db8::1");
    for (const char* wrong : {"", "192.0.2", "192.0.2.256", "host", "1::2::3"}) {
        EXPECT_FALSE(parse_ip(wrong)) << wrong;
    }
}

TEST(NetworkList, ContainsWhatThePrefixCovers) {
    NetworkList list;
    ASSERT_TRUE(list.add("10.0.0.0/8"));
    ASSERT_TRUE(list.add("192.0.2.7"));
    ASSERT_TRUE(list.add("2001:db8::/33"));
    EXPECT_TRUE(list.contains(*parse_ip("10.255.0.1")));
    EXPECT_FALSE(list.contains(*parse_ip("11.0.0.1")));
    EXPECT_TRUE(list.contains(*parse_ip("192.0.2.7")));
    EXPECT_FALSE(list.contains(*parse_ip("192.0.2.8")));
    EXPECT_TRUE(list.contains(*parse_ip("2001:db8:7fff::1")));
    EXPECT_FALSE(list.contains(*parse_ip("2001:db8:8000::1")));
}

TEST(NetworkList, ZeroPrefixIsEveryAddressOfItsFamily) {
    NetworkList list;
    ASSERT_TRUE(list.add("0.0.0.0/0"));
    EXPECT_TRUE(list.contains(*parse_ip("203.0.113.9")));
    EXPECT_FALSE(list.contains(*parse_ip("2001:db8::1")));
}

TEST(NetworkList, RefusesWhatIsNoNetwork) {
    NetworkList list;
    for (const char* wrong : {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.1/8",
                              "2001:db8::/129", "10.0.0.0/8x", "/8"}) {
        EXPECT_FALSE(list.add(wrong)) << wrong;
    }
    EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace parrhesia::base
