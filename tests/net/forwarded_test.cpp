#include "net/forwarded.hpp"

#include <gtest/gtest.h>

#include <string>

namespace parrhesia::net {
namespace {

class ForwardedTest : public testing::Test {
  protected:
    ForwardedTest() {
        for (const char* network : {"10.0.0.0/8", "127.0.0.1", "fd00::/8"}) {
            EXPECT_TRUE(trusted.add(network));
        }
    }
    // As text, "" for none.
    std::string client(ForwardedHeader header, std::string_view value) const {
        const auto address = forwarded_client(header, value, trusted);
        return address ? address->to_string() : "";
    }
    std::string x_forwarded_for(std::string_view value) const {
        return client(ForwardedHeader::x_forwarded_for, value);
    }
    std::string forwarded(std::string_view value) const {
        return client(ForwardedHeader::forwarded, value);
    }
    base::NetworkList trusted;
};

TEST_F(ForwardedTest, TakesTheRightMostHopThatIsNotOneOfOurs) {
    EXPECT_EQ(x_forwarded_for("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(x_forwarded_for("192.0.2.1, 10.0.0.1, 10.0.0.2"), "192.0.2.1");
    EXPECT_EQ(x_forwarded_for("198.51.100.9, 192.0.2.1, fd00::1"), "192.0.2.1");
    EXPECT_EQ(x_forwarded_for("  192.0.2.1\t,10.0.0.1"), "192.0.2.1");
}

TEST_F(ForwardedTest, DoesNotLookAtWhatTheClientMadeUp) {
    EXPECT_EQ(x_forwarded_for("10.0.0.1, 192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(x_forwarded_for("127.0.0.1, junk, %, 192.0.2.1, 10.0.0.1"), "192.0.2.1");
    EXPECT_EQ(forwarded("for=\"junk, 127.0.0.1\", for=192.0.2.1"), "192.0.2.1");
}

TEST_F(ForwardedTest, IfAllAreOursItIsTheFirst) {
    EXPECT_EQ(x_forwarded_for("10.0.0.3, 10.0.0.2"), "10.0.0.3");
}

TEST_F(ForwardedTest, ReadsEveryFormOfAnAddress) {
    EXPECT_EQ(x_forwarded_for("192.0.2.1:4711"), "192.0.2.1");
    EXPECT_EQ(x_forwarded_for("2001:db8::1"), "2001:db8::1");
    EXPECT_EQ(x_forwarded_for("[2001:DB8::1]"), "2001:db8::1");
    EXPECT_EQ(x_forwarded_for("[2001:db8::1]:65535"), "2001:db8::1");
    EXPECT_EQ(x_forwarded_for("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2:3:4:5:6");
    EXPECT_EQ(x_forwarded_for("::ffff:192.0.2.1"), "192.0.2.1");
}

TEST_F(ForwardedTest, RefusesWhatIsNoAddress) {
    for (const char* value : {"",
                              " ",
                              ",",
                              "unknown",
                              "_hidden",
                              "example.com",
                              "192.0.2",
                              "192.0.2.256",
                              "192.0.2.1:",
                              "192.0.2.1:65536",
                              "192.0.2.1:123456",
                              "192.0.2.1:x",
                              "192.0.2.1 x",
                              "fe80::1%eth0",
                              "[fe80::1%25eth0]",
                              "[2001:db8::1",
                              "2001:db8::1]",
                              "[2001:db8::1]x",
                              "[2001:db8::1]:",
                              "[192.0.2.1]",
                              "[]",
                              "1:2:3:4:5:6:7:8:9",
                              ":",
                              "::1::",
                              "0x7f.1",
                              "192.0.2.1, junk",
                              "192.0.2.1, unknown, 10.0.0.1"}) {
        EXPECT_EQ(x_forwarded_for(value), "") << value;
    }
    EXPECT_EQ(x_forwarded_for(std::string("192.0.2.1\0x", 11)), "");
    EXPECT_EQ(x_forwarded_for(std::string(100'000, ':')), "");
}

TEST_F(ForwardedTest, ReadsRfc7239) {
    EXPECT_EQ(forwarded("for=192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(forwarded("For=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::17");
    EXPECT_EQ(forwarded("for=192.0.2.43, for=10.0.0.1;proto=https;by=10.0.0.2"), "192.0.2.43");
    EXPECT_EQ(forwarded("proto=http;by=\"a;b,c\\\"\";for=192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(forwarded("for=192.0.2.1:80"), "192.0.2.1");
}

TEST_F(ForwardedTest, RefusesElementsOfRfc7239WithoutAnAddress) {
    for (const char* value :
         {"for=unknown", "for=_gazonk", "proto=https", "for=", "for=\"\"", "for=\"192.0.2.1",
          "for=192.0.2.1;for=192.0.2.2", "for=2001:db8::1", "192.0.2.1", "for=\"192.0.2.1:_port\"",
          "for=\"192\\.0.2.1\"", "for=192.0.2.1, for=\"evil"}) {
        EXPECT_EQ(forwarded(value), "") << value;
    }
}

TEST_F(ForwardedTest, XRealIpIsOneAddress) {
    EXPECT_EQ(client(ForwardedHeader::x_real_ip, " 192.0.2.1 "), "192.0.2.1");
    EXPECT_EQ(client(ForwardedHeader::x_real_ip, "2001:db8::1"), "2001:db8::1");
    EXPECT_EQ(client(ForwardedHeader::x_real_ip, "192.0.2.1,192.0.2.2"), "");
    EXPECT_EQ(client(ForwardedHeader::x_real_ip, "unknown"), "");
}

TEST_F(ForwardedTest, NothingIsTakenWhenNoHeaderIs) {
    EXPECT_EQ(client(ForwardedHeader::none, "192.0.2.1"), "");
}

}  // namespace
}  // namespace parrhesia::net
