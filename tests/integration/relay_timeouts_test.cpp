// Clients that stall: each is cut by its deadline, none holds a connection for ever.

#include "integration/support/relay_process.hpp"
#include "integration/support/ws_client.hpp"

#include <gtest/gtest.h>

#include <string>

namespace parrhesia::test {
namespace {

TEST(Timeouts, HalfARequestIsCutAtTheHandshakeDeadline) {
    RelayProcess relay({"relay.handshake_seconds=1"});
    RawClient silent(relay.port());
    RawClient half(relay.port());
    half.send("GET / HTTP/1.1\r\nHo");
    EXPECT_TRUE(silent.read_to_end());
    EXPECT_TRUE(half.read_to_end());
    EXPECT_TRUE(
        relay.metric_becomes("parrhesia_connections_cut_total{reason=\"handshake_timeout\"}", 2));
}

TEST(Timeouts, AMessageThatTricklesInIsCutAtTheFrameDeadline) {
    RelayProcess relay({"relay.frame_seconds=1"});
    WsClient slow(relay.port());
    // A masked text frame of 100 bytes, of which ten come.
    slow.send_raw(std::string("\x81\xe4", 2) + std::string(4, '\0') + std::string(10, ' '));
    EXPECT_TRUE(slow.wait_for_end());
    EXPECT_TRUE(
        relay.metric_becomes("parrhesia_connections_cut_total{reason=\"frame_timeout\"}", 1));
}

TEST(Timeouts, AClientThatAnswersNoPingIsCutWhenIdle) {
    RelayProcess relay({"relay.ping_seconds=1", "relay.idle_seconds=2"});
    WsClient dead(relay.port());  // never reads, so Beast never answers a ping
    EXPECT_TRUE(
        relay.metric_becomes("parrhesia_connections_cut_total{reason=\"idle_timeout\"}", 1));
}

TEST(Timeouts, AClientThatAnswersPingsStays) {
    // So long that this process is not the one that has no time to answer.
    RelayProcess relay({"relay.ping_seconds=1", "relay.idle_seconds=10"});
    WsClient alive(relay.port());
    WsClient dead(relay.port());
    // Once the dead one has been cut, the one that reads has lived through the same time.
    while (relay.metric("parrhesia_connections_cut_total{reason=\"idle_timeout\"}") != 1) {
        alive.send(R"(["REQ","s",{"limit":0}])");
        ASSERT_TRUE(alive.receive());
    }
    alive.send(R"(["REQ","s",{"limit":0}])");
    EXPECT_TRUE(alive.receive());
}

}  // namespace
}  // namespace parrhesia::test
