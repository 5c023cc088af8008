#include "parrhesia/mesh/status.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace parrhesia::mesh {
namespace {

using namespace std::chrono_literals;

base::NodeId node(std::uint8_t number) {
    base::NodeId id;
    id.bytes.fill(number);
    return id;
}

NodeStatus full() {
    NodeStatus status;
    status.cluster = "relay-eu";
    status.node = node(1);
    status.boot = 18'000'000'000'000'000'000U;
    status.address = "10.0.0.1:7447";
    status.software = "parrhesia \"1\"";
    status.topology = "shared";
    status.log_id = "7351-1";
    status.partition = "partial";
    status.unseen = {node(9)};
    status.cut_links = {{node(1), node(2)}, {node(2), node(3)}};
    PeerStatus& peer = status.peers.emplace_back();
    peer.node = node(2);
    peer.boot = 7;
    peer.address = "[fd00::2]:7447";
    peer.software = "parrhesia 2";
    peer.state = "suspect";
    peer.dialled_by_us = true;
    peer.round_trip = 1234us;
    peer.silence = 3100ms;
    peer.lanes[2] = {10, 2, true, 30, 4};
    peer.events_sent = 5;
    peer.events_received = 6;
    peer.sees = {node(3), node(1)};
    peer.connections = 8;
    peer.subscriptions = 9;
    status.peers.emplace_back().node = node(3);
    return status;
}

TEST(MeshStatus, WhatIsWrittenIsReadAgain) {
    const std::string json = to_json(full());
    const auto read = parse_status(json);
    ASSERT_TRUE(read);
    EXPECT_EQ(to_json(*read), json);
    EXPECT_EQ(read->boot, full().boot);
    EXPECT_EQ(read->software, full().software);
    ASSERT_EQ(read->peers.size(), 2U);
    EXPECT_EQ(read->peers[0].round_trip, 1234us);
    EXPECT_EQ(read->peers[0].lanes[2].dropped, 30U);
    EXPECT_TRUE(read->peers[0].lanes[2].gapped);
    EXPECT_EQ(read->cut_links, full().cut_links);
}

TEST(MeshStatus, AnotherVersionMayHaveMoreOrLess) {
    const auto read = parse_status(
        R"({"node":"01010101010101010101010101010101","new":[1,{}],"peers":[{"node":"zz"},7]})");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->node, node(1));
    ASSERT_EQ(read->peers.size(), 1U);
    EXPECT_EQ(read->peers[0].node, base::NodeId());
}

TEST(MeshStatus, WhatIsNoStatusIsRefused) {
    for (const char* text : {"", "ok\n", "[]", "{}", R"({"node":1})", "{\"node\":"}) {
        EXPECT_FALSE(parse_status(text)) << text;
    }
}

}  // namespace
}  // namespace parrhesia::mesh
