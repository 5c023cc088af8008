// Clients behind reverse proxies: whom the relay takes them for. The proxy is this test, on
// loopback.

#include "integration/support/relay_process.hpp"
#include "integration/support/ws_client.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

const std::string kTrusted = "relay.trusted_proxies=127.0.0.1";
const std::string kRefused =
    R"(parrhesia_connections_refused_total{reason="max_connections_per_ip"})";
const std::string kBadProxyHeader = R"(parrhesia_connections_cut_total{reason="proxy_header"})";
const std::string kOpen = "parrhesia_connections";

// The request for a websocket that a proxy hands on, with headers of its own.
std::string upgrade(std::initializer_list<std::string> headers) {
    std::string request =
        "GET / HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    for (const std::string& header : headers) request += header + "\r\n";
    return request + "\r\n";
}

// Version 2, of the client 192.0.2.`host`.
std::string proxy_header(char host) {
    std::string bytes("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2", 19);
    bytes += host;
    return bytes + std::string("\x7f\0\0\1\x30\x39\x1e\x61", 8);
}

class ProxyTest : public testing::Test {
  protected:
    void start(std::vector<std::string> settings) {
        relay = std::make_unique<RelayProcess>(std::move(settings));
    }
    // A websocket that stays open.
    void open(const std::string& bytes) {
        clients.push_back(std::make_unique<RawClient>(relay->port()));
        clients.back()->send(bytes);
        ASSERT_TRUE(clients.back()->reads("HTTP/1.1 101 "));
    }
    // The answer to a connection that the relay is to end.
    std::string answer_to(const std::string& bytes) {
        RawClient client(relay->port());
        client.send(bytes);
        return client.read_to_end().value_or("still open");
    }

    std::unique_ptr<RelayProcess> relay;
    std::vector<std::unique_ptr<RawClient>> clients;
};

TEST_F(ProxyTest, ClientsOfATrustedProxyAreCountedEachByItself) {
    start({kTrusted, "relay.max_connections_per_ip=1"});
    for (const char* client : {"192.0.2.1", "192.0.2.2", "2001:db8:1::1", "[2001:db8:2::1]:99"}) {
        open(upgrade({"X-Forwarded-For: " + std::string(client)}));
    }
    ASSERT_TRUE(relay->metric_becomes(kOpen, 4));
    EXPECT_EQ(relay->metric(kRefused), 0);
    const std::string again = answer_to(upgrade({"X-Forwarded-For: 203.0.113.7, 192.0.2.1"}));
    EXPECT_TRUE(again.starts_with("HTTP/1.1 503 ")) << again;
    EXPECT_TRUE(
        answer_to(upgrade({"X-Forwarded-For: 2001:db8:1::2"})).starts_with("HTTP/1.1 503 "));
    EXPECT_EQ(relay->metric(kRefused), 2);
}

TEST_F(ProxyTest, SeveralHeaderLinesAreOneList) {
    start({kTrusted, "relay.max_connections_per_ip=1"});
    WsClient websocket(relay->port());  // without a header the proxy is the client
    open(upgrade({"X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"}));
    ASSERT_TRUE(relay->metric_becomes(kOpen, 2));
    EXPECT_TRUE(answer_to(upgrade({"X-Forwarded-For: 192.0.2.2"})).starts_with("HTTP/1.1 503 "));
}

TEST_F(ProxyTest, AHeaderOfAnybodyElseIsNotBelieved) {
    start({"relay.max_connections_per_ip=1"});
    open(upgrade({"X-Forwarded-For: 192.0.2.1"}));
    ASSERT_TRUE(relay->metric_becomes(kOpen, 1));
    EXPECT_TRUE(answer_to(upgrade({"X-Forwarded-For: 192.0.2.2"})).starts_with("HTTP/1.1 503 "));
}

TEST_F(ProxyTest, ABadHeaderLeavesTheProxysAddressAndNoExemption) {
    start({kTrusted, "relay.max_connections_per_ip=1", "limits.exempt=127.0.0.1"});
    open(upgrade({"X-Forwarded-For: unknown"}));
    ASSERT_TRUE(relay->metric_becomes("parrhesia_bad_forwarded_headers_total", 1));
    EXPECT_TRUE(answer_to(upgrade({"X-Forwarded-For: junk"})).starts_with("HTTP/1.1 503 "));
    open(upgrade({}));  // the proxy itself is exempt
    EXPECT_TRUE(relay->metric_becomes(kOpen, 2));
}

TEST_F(ProxyTest, TheHeaderIsTheConfiguredOne) {
    start({kTrusted, "relay.forwarded_header=Forwarded", "relay.max_connections_per_ip=1"});
    open(upgrade({"Forwarded: for=192.0.2.1;proto=https", "X-Forwarded-For: 192.0.2.9"}));
    ASSERT_TRUE(relay->metric_becomes(kOpen, 1));
    EXPECT_TRUE(
        answer_to(upgrade({"Forwarded: for=\"192.0.2.1:80\"", "X-Forwarded-For: 192.0.2.8"}))
            .starts_with("HTTP/1.1 503 "));
}

TEST_F(ProxyTest, TheProxyProtocolNamesTheClient) {
    start({kTrusted, "relay.proxy_protocol=true", "relay.max_connections_per_ip=1"});
    open(proxy_header(1) + upgrade({}));
    open(proxy_header(2) + upgrade({"X-Forwarded-For: 192.0.2.1"}));
    ASSERT_TRUE(relay->metric_becomes(kOpen, 2));
    EXPECT_EQ(relay->metric(kRefused), 0);
    EXPECT_TRUE(answer_to(proxy_header(1) + upgrade({})).starts_with("HTTP/1.1 503 "));
    EXPECT_EQ(relay->metric(kRefused), 1);
}

TEST_F(ProxyTest, AHeaderInPiecesIsReadToItsEnd) {
    start({kTrusted, "relay.proxy_protocol=true"});
    RawClient client(relay->port());
    const std::string bytes =
        proxy_header(1) + "GET /missing HTTP/1.1\r\nConnection: close\r\n\r\n";
    for (const char byte : bytes) client.send(std::string(1, byte));
    EXPECT_TRUE(client.read_to_end().value_or("").starts_with("HTTP/1.1 404 "));
}

TEST_F(ProxyTest, WithoutTheHeaderOfVersionTwoTheConnectionIsClosed) {
    start({kTrusted, "relay.proxy_protocol=true"});
    EXPECT_EQ(answer_to(upgrade({})), "");
    EXPECT_EQ(answer_to("PROXY TCP4 192.0.2.1 127.0.0.1 12345 7777\r\n" + upgrade({})), "");
    EXPECT_EQ(answer_to(std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", 16)), "");
    EXPECT_EQ(relay->metric(kBadProxyHeader), 3);
}

TEST_F(ProxyTest, ConnectionsOfOthersBeginWithoutTheHeader) {
    start({"relay.trusted_proxies=192.0.2.200", "relay.proxy_protocol=true"});
    WsClient direct(relay->port());
    direct.send(R"(["REQ","s",{"limit":0}])");
    EXPECT_EQ(direct.receive(), R"(["EOSE","s"])");
    EXPECT_TRUE(answer_to(proxy_header(1) + upgrade({})).find("101 ") == std::string::npos);
}

TEST_F(ProxyTest, AllConnectionsOfAProxyCountInTheTotal) {
    start({kTrusted, "relay.max_connections=3", "relay.max_connections_per_ip=1"});
    for (const char* client : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
        open(upgrade({"X-Forwarded-For: " + std::string(client)}));
    }
    ASSERT_TRUE(relay->metric_becomes(kOpen, 3));
    EXPECT_TRUE(answer_to("").starts_with("HTTP/1.1 503 "));
    EXPECT_EQ(relay->metric(R"(parrhesia_connections_refused_total{reason="max_connections"})"), 1);
}

}  // namespace
}  // namespace parrhesia::test
