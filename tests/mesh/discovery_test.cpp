#include "parrhesia/mesh/discovery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace parrhesia::mesh {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Kind = DiscoverySource::Kind;

TEST(HostPortTest, AddressesAndNamesAreReadInOneForm) {
    const auto read = [](const std::string& text) {
        const auto target = parse_host_port(text);
        return target ? to_text(*target) : target.error().text;
    };
    EXPECT_EQ(read("10.0.0.6:7447"), "10.0.0.6:7447");
    EXPECT_EQ(read("[::1]:7447"), "[::1]:7447");
    EXPECT_EQ(read("[FD00:0:0::6]:1"), "[fd00::6]:1");
    EXPECT_EQ(read("[::ffff:10.0.0.6]:7447"), "10.0.0.6:7447");
    EXPECT_EQ(read("Relay-2.internal:65535"), "relay-2.internal:65535");
    EXPECT_EQ(read("relay_2:0"), "relay_2:0");
    EXPECT_EQ(read("relay.internal.:7447"), "relay.internal.:7447");
    EXPECT_EQ(parse_host_port("[::1]:7447")->host, "::1");
}

TEST(HostPortTest, MistakesAreNamedWithTheRemedy) {
    for (const std::string text : {"",
                                   ":",
                                   "10.0.0.6",
                                   "10.0.0.6:",
                                   "10.0.0.6:65536",
                                   "10.0.0.6:-1",
                                   "10.0.0.6:7447 ",
                                   "10.0.0.6:0x1",
                                   "10.0.0:7447",
                                   "10.0.0.300:7447",
                                   "::1:7447",
                                   "fd00::6:7447",
                                   "[10.0.0.6]:7447",
                                   "[relay]:7447",
                                   "[fe80::1%eth0]:7447",
                                   "[]:7447",
                                   ":7447",
                                   "a..b:7447",
                                   "-a:7447",
                                   "a-:7447",
                                   "a b:7447",
                                   "tcp://a:7447"}) {
        const auto target = parse_host_port(text);
        ASSERT_FALSE(target) << text;
        EXPECT_THAT(target.error().text, AllOf(HasSubstr("\"" + text + "\""), HasSubstr("write")));
    }
    EXPECT_FALSE(parse_host_port(std::string(64, 'a') + ":7447"));
    std::string longest;  // 249 characters, and the port
    for (int i = 0; i < 5; ++i) longest += std::string(49, 'a') + '.';
    EXPECT_TRUE(parse_host_port(longest.substr(0, 249) + ":7447"));
    EXPECT_FALSE(parse_host_port(longest + "aaaa:7447")) << "a HELLO would not carry it";
}

TEST(DiscoveryTest, EverySourceIsRead) {
    const auto read = [](const std::string& text) {
        const auto source = parse_discovery(text);
        EXPECT_TRUE(source) << text;
        return source ? *source : DiscoverySource{};
    };
    EXPECT_EQ(read("static:10.0.0.6:7447"),
              (DiscoverySource{Kind::fixed, {"10.0.0.6", 7447}, "static:10.0.0.6:7447"}));
    EXPECT_EQ(read("static:[::1]:7447").target, (HostPort{"::1", 7447}));
    EXPECT_EQ(read("static:host.name:7447").target, (HostPort{"host.name", 7447}));
    EXPECT_EQ(read("dns:relay.internal:7447"),
              (DiscoverySource{Kind::dns, {"relay.internal", 7447}, "dns:relay.internal:7447"}));
    EXPECT_EQ(read("srv:_mesh._tcp.relay.internal"),
              (DiscoverySource{
                  Kind::srv, {"_mesh._tcp.relay.internal", 0}, "srv:_mesh._tcp.relay.internal"}));
    EXPECT_EQ(read("postgres").kind, Kind::postgres);
}

TEST(DiscoveryTest, MistakesAreNamedWithTheRemedy) {
    const auto error_of = [](const std::string& text) {
        const auto source = parse_discovery(text);
        EXPECT_FALSE(source) << text;
        return source ? std::string() : source.error().text;
    };
    EXPECT_THAT(error_of("10.0.0.6:7447"),
                AllOf(HasSubstr("\"10.0.0.6:7447\" is no source"), HasSubstr("\"static:")));
    EXPECT_THAT(error_of("consul"), HasSubstr("is no source of peers: write"));
    EXPECT_THAT(error_of(""), HasSubstr("is no source of peers: write"));
    EXPECT_THAT(error_of("Static:a:1"), HasSubstr("is no source of peers: write"));
    EXPECT_THAT(error_of("static:10.0.0.6"), HasSubstr("\"10.0.0.6\" is no address with a port"));
    EXPECT_THAT(error_of("static:10.0.0.6:0"), HasSubstr("port 0"));
    EXPECT_THAT(error_of("dns:relay.internal"), HasSubstr("is no address with a port"));
    EXPECT_THAT(error_of("dns:10.0.0.6:7447"), HasSubstr("write \"static:10.0.0.6:7447\""));
    EXPECT_THAT(error_of("srv:_mesh._tcp.relay.internal:7447"), HasSubstr("without a port"));
    EXPECT_THAT(error_of("srv:"), HasSubstr("names no service"));
    EXPECT_THAT(error_of("postgres:5432"), HasSubstr("is no source of peers"));
}

TEST(DiscoveryTest, PrivateAddressesAreKnown) {
    const auto is_private = [](const std::string& text) {
        return is_private_or_loopback(*base::parse_ip(text));
    };
    for (const char* text :
         {"127.0.0.1", "127.255.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
          "192.168.1.1", "169.254.0.1", "::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1"}) {
        EXPECT_TRUE(is_private(text)) << text;
    }
    for (const char* text : {"0.0.0.0", "8.8.8.8", "172.32.0.1", "172.15.255.255", "192.169.0.1",
                             "100.64.0.1", "::", "2001:db8::1", "::ffff:8.8.8.8", "ff02::1"}) {
        EXPECT_FALSE(is_private(text)) << text;
    }
}

}  // namespace
}  // namespace parrhesia::mesh
