#include "app/cluster_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace parrhesia::app {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

base::NodeId node(std::uint8_t number) {
    base::NodeId id;
    id.bytes.fill(number);
    return id;
}

mesh::PeerStatus peer(std::uint8_t number, const std::string& state) {
    mesh::PeerStatus row;
    row.node = node(number);
    row.address = "10.0.0." + std::to_string(number) + ":7447";
    row.state = state;
    row.software = "parrhesia 0.1.0";
    row.round_trip = 620us;
    row.silence = 300ms;
    return row;
}

mesh::NodeStatus three() {
    mesh::NodeStatus status;
    status.cluster = "relay-eu";
    status.node = node(1);
    status.address = "10.0.0.1:7447";
    status.software = "parrhesia 0.1.0";
    status.topology = "shared";
    status.log_id = "7351-1";
    status.partition = "none";
    status.peers = {peer(2, "up"), peer(3, "up")};
    status.peers[0].sees = {node(1), node(3)};
    status.peers[0].events_sent = 12'345;
    status.peers[0].connections = 17;
    status.peers[0].dialled_by_us = true;
    status.peers[1].sees = {node(1), node(2)};
    return status;
}

TEST(ClusterReport, ShowsEverythingAtOnce) {
    EXPECT_EQ(cluster_report(three()), R"(cluster  relay-eu (one database, log 7351-1)
node     01010101010101010101010101010101
at       10.0.0.1:7447
version  parrhesia 0.1.0
state    all relays see each other

NODE      ADDRESS        STATE  RTT      SILENT  SENT   RECEIVED  WAITING  LOST  CLIENTS  SUBSCRIPTIONS  DIALLED     VERSION
02020202  10.0.0.2:7447  up     0.62 ms  0.3 s   12345  0         0        0     17       0              from here   parrhesia 0.1.0
03030303  10.0.0.3:7447  up     0.62 ms  0.3 s   0      0         0        0     0        0              from there  parrhesia 0.1.0

sees      01010101  02020202  03030303
01010101  -         yes       yes
02020202  yes       -         yes
03030303  yes       yes       -
)");
    EXPECT_TRUE(is_whole(three()));
}

TEST(ClusterReport, NamesWhatWaitsAndWhatWasLost) {
    mesh::NodeStatus status = three();
    status.peers[1].lanes[2] = {4096, 5, true, 60, 0};
    status.peers[1].lanes[3] = {0, 0, false, 0, 7};
    const std::string report = cluster_report(status);
    EXPECT_THAT(report, HasSubstr("03030303, generic: 5 events (4096 bytes) wait, 60 dropped, 0 "
                                  "expired; too slow: nothing is queued until it has caught up\n"));
    EXPECT_THAT(report, HasSubstr("03030303, ephemeral: 0 events (0 bytes) wait, 0 dropped, 7 "
                                  "expired\n"));
    EXPECT_THAT(report, Not(HasSubstr("marmot")));
}

TEST(ClusterReport, ACutLinkIsNamedByItsEnds) {
    mesh::NodeStatus status = three();
    status.partition = "cut_link";
    status.cut_links = {{node(2), node(3)}};
    status.peers[0].sees = {node(1)};
    status.peers[1].sees = {node(1)};
    const std::string report = cluster_report(status);
    EXPECT_THAT(report, HasSubstr("CUT LINK: 02020202-03030303"));
    EXPECT_THAT(report, HasSubstr("\n02020202  yes       -         no\n"));
    EXPECT_FALSE(is_whole(status));
}

TEST(ClusterReport, OfADeadRelayNobodyKnowsWhomItSees) {
    mesh::NodeStatus status = three();
    status.partition = "peer_dead";
    status.unseen = {node(3)};
    status.peers[1].state = "down";
    status.peers[0].sees = {node(1)};
    const std::string report = cluster_report(status);
    EXPECT_THAT(report, HasSubstr("PEER DEAD: no relay that is heard from here has a link with "
                                  "03030303"));
    EXPECT_THAT(report, HasSubstr("\n03030303  10.0.0.3:7447  down\n"));
    EXPECT_THAT(report, HasSubstr("\n03030303  ?         ?         -\n"));
    EXPECT_FALSE(is_whole(status));
}

TEST(ClusterReport, WhoHasLeftIsNoTrouble) {
    mesh::NodeStatus status = three();
    status.peers[1].state = "left";
    EXPECT_TRUE(is_whole(status));
    EXPECT_THAT(cluster_report(status), Not(HasSubstr("\n03030303  yes")));
}

TEST(ClusterReport, EachVerdictSaysWhereToLook) {
    mesh::NodeStatus status = three();
    for (const char* partition : {"cut_link", "partial", "peer_dead", "full_split"}) {
        status.partition = partition;
        status.cut_links = {{node(1), node(2)}, {node(1), node(3)}};
        status.unseen = {node(2)};
        EXPECT_THAT(cluster_report(status), HasSubstr("Look ")) << partition;
        EXPECT_FALSE(is_whole(status)) << partition;
    }
}

TEST(ClusterReport, WhoIsAloneIsToldWhy) {
    mesh::NodeStatus status = three();
    status.peers.clear();
    EXPECT_THAT(cluster_report(status), HasSubstr("Look at cluster.discovery"));
    EXPECT_FALSE(is_whole(status));
    status.log_id.clear();
    EXPECT_THAT(cluster_report(status), HasSubstr("the database has not told"));
    status.topology = "replicated";
    EXPECT_THAT(cluster_report(status), HasSubstr("(a store each)"));
    EXPECT_THAT(cluster_report(status), HasSubstr("Look at cluster.discovery"));
}

}  // namespace
}  // namespace parrhesia::app
