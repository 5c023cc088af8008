// What a broken or hostile client may send: a clear answer or a closed socket, and no effect on
// others.

#include "integration/support/relay_process.hpp"
#include "integration/support/ws_client.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

class BadInputTest : public testing::Test {
  protected:
    // Another client, connected all the while, is served after each attack.
    void TearDown() override {
        bystander->send(R"(["REQ","b",{"limit":1}])");
        EXPECT_FALSE(bystander->receive_until("[\"EOSE\",\"b\"").empty());
        bystander.reset();  // else the relay waits for its answer to the close frame
        EXPECT_EQ(relay.terminate(), 0);
    }

    RelayProcess relay{{"limits.exempt=[\"127.0.0.0/8\"]"}};
    std::unique_ptr<WsClient> bystander = std::make_unique<WsClient>(relay.port());
};

TEST_F(BadInputTest, WhatIsNoClientMessageGetsANotice) {
    WsClient client(relay.port());
    for (const std::string& text : std::vector<std::string>{
             "", " ", "null", "{}", "[]", "[1]", "[\"EVENT\"]", "[\"HELLO\",1]", "[\"REQ\"]",
             "[\"REQ\",5,{}]", "[\"EVENT\",[]]", "[\"EVENT\",{\"id\":1e999}]", "[\"REQ\",\"s\",{}",
             "\"EVENT\"", "[\"CLOSE\",null]", "[\"EVENT\",123456789012345678901234567890]"}) {
        client.send(text);
        const auto answer = client.receive();
        ASSERT_TRUE(answer) << text;
        EXPECT_TRUE(answer->starts_with("[\"NOTICE\",\"")) << text << " -> " << *answer;
    }
}

TEST_F(BadInputTest, DeepNestingGetsANotice) {
    WsClient client(relay.port());
    client.send(std::string(500'000, '['));
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->starts_with("[\"NOTICE\",\"")) << *answer;
}

TEST_F(BadInputTest, BinaryMessageGetsANotice) {
    WsClient client(relay.port());
    client.send_binary("[\"REQ\",\"s\",{}]");
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->starts_with("[\"NOTICE\",\"")) << *answer;
}

TEST_F(BadInputTest, FragmentedMessageIsOneMessage) {
    WsClient client(relay.port());
    client.send_fragmented(R"(["REQ","s",{"kinds":[1],"limit":0}])", 3);
    EXPECT_TRUE(client.receive()->starts_with("[\"EOSE\",\"s\""));
}

TEST_F(BadInputTest, InvalidUtf8Closes1007) {
    WsClient client(relay.port());
    client.send("[\"REQ\",\"\xff\xfe\",{}]");
    EXPECT_TRUE(client.wait_for_end());
    EXPECT_EQ(client.close_code(), 1007U);
}

TEST_F(BadInputTest, OversizedMessageCloses1009) {
    WsClient client(relay.port());
    client.send(std::string(512 * 1024 + 1, ' '));
    EXPECT_TRUE(client.wait_for_end());
    EXPECT_EQ(client.close_code(), 1009U);
}

TEST_F(BadInputTest, FragmentsThatAddUpToTooMuchClose1009) {
    WsClient client(relay.port());
    try {
        client.send_fragmented(std::string(600 * 1024, ' '), 64 * 1024);
    } catch (const boost::system::system_error&) {
        // closed while it was still being sent
    }
    EXPECT_TRUE(client.wait_for_end());
}

TEST_F(BadInputTest, UnmaskedFrameIsAProtocolError) {
    WsClient client(relay.port());
    client.send_raw("\x81\x02[]");
    EXPECT_TRUE(client.wait_for_end());
    EXPECT_EQ(client.close_code(), 1002U);
}

TEST_F(BadInputTest, FrameThatClaimsToBeHugeCloses1009) {
    WsClient client(relay.port());
    client.send_raw(std::string("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04", 14));
    EXPECT_TRUE(client.wait_for_end());
    EXPECT_EQ(client.close_code(), 1009U);
}

TEST_F(BadInputTest, GarbageInsteadOfHttpIsClosed) {
    RawClient client(relay.port());
    client.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) +
                std::string(64, 'x') + "\r\n\r\n");
    EXPECT_TRUE(client.read_to_end());
}

TEST_F(BadInputTest, EndlessHeaderIsRefused) {
    RawClient client(relay.port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n");
    const auto answer = client.read_to_end();
    ASSERT_TRUE(answer);
    EXPECT_NE(answer->find(" 413 "), std::string::npos) << *answer;
}

TEST_F(BadInputTest, OnlyTheRootIsAnEndpoint) {
    EXPECT_THROW(WsClient(relay.port(), {.path = "/x"}), boost::system::system_error);
    EXPECT_EQ(http_get(relay.port(), "/x", "application/nostr+json").status, 404U);
    EXPECT_EQ(http_get(relay.port(), "/", "application/nostr+json").status, 200U);
    WsClient with_query(relay.port(), {.path = "/?token=1"});
    with_query.send(R"(["REQ","s",{"limit":0}])");
    EXPECT_TRUE(with_query.receive());
}

TEST_F(BadInputTest, ThousandsOfConnectsLeaveTheRelayServing) {
    for (int round = 0; round < 20; ++round) {
        std::vector<std::unique_ptr<RawClient>> clients(100);
        for (auto& client : clients) client = std::make_unique<RawClient>(relay.port());
        for (auto& client : clients) client->send("GET / HT");  // half a request each, then gone
    }
    EXPECT_TRUE(relay.metric_becomes("parrhesia_connections_accepted_total", 2001));
    EXPECT_TRUE(relay.metric_becomes("parrhesia_connections", 1));
}

TEST(ConnectionLimits, ConnectionsOfOneAddressAreBoundedWithAClearAnswer) {
    RelayProcess relay({"relay.max_connections_per_ip=2"});
    WsClient first(relay.port());
    auto second = std::make_unique<WsClient>(relay.port());
    RawClient third(relay.port());
    const auto answer = third.read_to_end();
    ASSERT_TRUE(answer);
    EXPECT_NE(answer->find("503"), std::string::npos);
    second.reset();
    EXPECT_TRUE(relay.metric_becomes("parrhesia_connections", 1));
    EXPECT_NO_THROW(WsClient(relay.port()));
}

}  // namespace
}  // namespace parrhesia::test
