// Clients that send too much, and a disk that is nearly full.

#include "integration/support/relay_process.hpp"
#include "integration/support/ws_client.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace parrhesia::test {
namespace {

const std::string kPaused = "parrhesia_reads_paused_total";

std::string padded_req(const char* id, std::size_t bytes) {
    return "[\"REQ\",\"" + std::string(id) + "\",{\"limit\":0}]" + std::string(bytes, ' ');
}

TEST(ByteRates, WhoSendsFasterThanAllowedIsReadMoreSlowlyAndLosesNothing) {
    RelayProcess relay({"rates.bytes_connection=50000/s burst 10000"});
    WsClient client(relay.port());
    for (const char* id : {"a", "b", "c", "d"}) client.send(padded_req(id, 20'000));
    for (const char* id : {"a", "b", "c", "d"}) {
        EXPECT_EQ(client.receive(), "[\"EOSE\",\"" + std::string(id) + "\"]");
    }
    EXPECT_GE(relay.metric(kPaused + "{reason=\"bytes_connection\"}"), 3);
    EXPECT_EQ(relay.metric(kPaused + "{reason=\"bytes_ip\"}"), 0);
}

TEST(ByteRates, ConnectionsOfOneAddressShareARate) {
    RelayProcess relay({"rates.bytes_ip=5000/s burst 30000"});
    WsClient one(relay.port());
    one.send(padded_req("a", 25'000));
    EXPECT_EQ(one.receive(), "[\"EOSE\",\"a\"]");
    EXPECT_EQ(relay.metric(kPaused + "{reason=\"bytes_ip\"}"), 0);
    WsClient other(relay.port());
    other.send(padded_req("b", 25'000));
    EXPECT_EQ(other.receive(), "[\"EOSE\",\"b\"]");
    EXPECT_TRUE(becomes([&] { return relay.metric(kPaused + "{reason=\"bytes_ip\"}") >= 1; }));
}

TEST(ByteRates, AMessageThatIsHeldUpByTheRateIsNotCutForBeingSlow) {
    RelayProcess relay({"rates.bytes_connection=20000/s burst 1", "relay.frame_seconds=1"});
    WsClient client(relay.port());
    client.send_fragmented(padded_req("a", 50'000), 1000);
    EXPECT_EQ(client.receive(), "[\"EOSE\",\"a\"]");
}

TEST(ByteRates, ExemptNetworksAreNotCounted) {
    RelayProcess relay({"rates.bytes_connection=1/s burst 1", "limits.exempt=127.0.0.0/8"});
    WsClient client(relay.port());
    client.send(padded_req("a", 60'000));
    EXPECT_EQ(client.receive(), "[\"EOSE\",\"a\"]");
    EXPECT_EQ(relay.metric(kPaused + "{reason=\"bytes_connection\"}"), 0);
}

TEST(DiskReserve, AShortDiskShowsInReadinessAndMetrics) {
    RelayProcess relay({"store.disk_reserve_bytes=1125899906842624"});
    const auto answer = http_get(relay.admin_port(), "/ready");
    EXPECT_EQ(answer.status, 503U);
    EXPECT_NE(answer.body.find("store.disk_reserve_bytes"), std::string::npos) << answer.body;
    EXPECT_GT(relay.metric("parrhesia_store_disk_free_bytes"), 0);
    EXPECT_TRUE(relay.log_has("are free on the disk of"));
    RelayProcess without({"store.disk_reserve_bytes=0"});
    EXPECT_EQ(http_get(without.admin_port(), "/ready").status, 200U);
}

}  // namespace
}  // namespace parrhesia::test
