#include "net/proxy_header.hpp"

#include <gtest/gtest.h>

#include <string>

namespace parrhesia::net {
namespace {

using Status = ProxyHeader::Status;

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string kV4("\xc0\x00\x02\x07\x0a\x00\x00\x01\x30\x39\x1e\x61", 12);  // 192.0.2.7

std::string header(int version_and_command, int family_and_transport, const std::string& rest) {
    std::string bytes = kSignature;
    bytes += static_cast<char>(version_and_command);
    bytes += static_cast<char>(family_and_transport);
    bytes += static_cast<char>(rest.size() >> 8U);
    bytes += static_cast<char>(rest.size());
    return bytes + rest;
}

std::string v6_addresses() {
    std::string bytes("\x20\x01\x0d\xb8", 4);
    bytes += std::string(11, '\0') + '\x09';
    return bytes + std::string(20, '\0');
}

TEST(ProxyHeaderTest, ReadsTheClientOfAnIpv4Connection) {
    const std::string bytes = header(0x21, 0x11, kV4);
    const auto parsed = parse_proxy_header(bytes + "GET / HTTP/1.1\r\n");
    ASSERT_EQ(parsed.status, Status::complete);
    EXPECT_EQ(parsed.bytes, bytes.size());
    EXPECT_EQ(parsed.client, base::parse_ip("192.0.2.7"));
}

TEST(ProxyHeaderTest, ReadsTheClientOfAnIpv6Connection) {
    const auto parsed = parse_proxy_header(header(0x21, 0x21, v6_addresses()));
    ASSERT_EQ(parsed.status, Status::complete);
    EXPECT_EQ(parsed.client, base::parse_ip("2001:db8::9"));
}

TEST(ProxyHeaderTest, SkipsWhatFollowsTheAddresses) {
    const std::string bytes = header(0x21, 0x11, kV4 + std::string(500, '\x04'));
    const auto parsed = parse_proxy_header(bytes);
    ASSERT_EQ(parsed.status, Status::complete);
    EXPECT_EQ(parsed.bytes, bytes.size());
    EXPECT_EQ(parsed.client, base::parse_ip("192.0.2.7"));
}

TEST(ProxyHeaderTest, AProxyMaySpeakForItself) {
    for (const std::string& bytes :
         {header(0x20, 0x00, ""), header(0x20, 0x11, kV4), header(0x20, 0x11, ""),
          header(0x21, 0x00, ""), header(0x21, 0x31, std::string(216, 'x'))}) {
        const auto parsed = parse_proxy_header(bytes);
        EXPECT_EQ(parsed.status, Status::complete);
        EXPECT_EQ(parsed.bytes, bytes.size());
        EXPECT_EQ(parsed.client, std::nullopt);
    }
}

TEST(ProxyHeaderTest, EveryBeginningOfAHeaderIsIncomplete) {
    const std::string bytes = header(0x21, 0x11, kV4 + "\x04");
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_EQ(parse_proxy_header(bytes.substr(0, length)).status, Status::incomplete) << length;
    }
}

TEST(ProxyHeaderTest, RefusesGarbageAtTheFirstWrongByte) {
    for (const std::string& bytes :
         {std::string("PROXY TCP4 192.0.2.7 10.0.0.1 12345 7777\r\n"), std::string("G"),
          std::string("\r\n\r\nX"), std::string("\x16\x03\x01", 3), std::string(1, '\0')}) {
        EXPECT_EQ(parse_proxy_header(bytes).status, Status::bad);
    }
}

TEST(ProxyHeaderTest, RefusesWhatVersionTwoDoesNotDefine) {
    EXPECT_EQ(parse_proxy_header(header(0x11, 0x11, kV4)).status, Status::bad);  // version
    EXPECT_EQ(parse_proxy_header(header(0x31, 0x11, kV4)).status, Status::bad);
    EXPECT_EQ(parse_proxy_header(header(0x22, 0x11, kV4)).status, Status::bad);  // command
    EXPECT_EQ(parse_proxy_header(header(0x21, 0x41, kV4)).status, Status::bad);  // family
    EXPECT_EQ(parse_proxy_header(header(0x21, 0x13, kV4)).status, Status::bad);  // transport
    EXPECT_EQ(parse_proxy_header(header(0x21, 0x12, kV4)).status, Status::bad);  // datagrams
}

TEST(ProxyHeaderTest, RefusesLengthsThatCannotBe) {
    EXPECT_EQ(parse_proxy_header(header(0x21, 0x11, kV4.substr(1))).status, Status::bad);
    EXPECT_EQ(parse_proxy_header(header(0x21, 0x21, kV4)).status, Status::bad);
    EXPECT_EQ(parse_proxy_header(header(0x21, 0x31, kV4)).status, Status::bad);
    EXPECT_EQ(parse_proxy_header(header(0x21, 0x11, kV4 + std::string(4084, 'x'))).status,
              Status::complete);
    EXPECT_EQ(parse_proxy_header(header(0x21, 0x11, kV4 + std::string(4085, 'x'))).status,
              Status::bad);
    EXPECT_EQ(parse_proxy_header(kSignature + "\x21\x11\xff\xff").status, Status::bad);
}

}  // namespace
}  // namespace parrhesia::net
