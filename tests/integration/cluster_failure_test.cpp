// Nodes that stop, die, leave and come back.
#include "integration/support/cluster_processes.hpp"
#include "integration/support/crossing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using Clock = std::chrono::steady_clock;

const CrossingResult kAllOnce{};

// Nodes that just came up are no partition, whatever becomes of them: for three seconds.
void wait_until_settled() { std::this_thread::sleep_for(3200ms); }

TEST(ClusterFailureTest, AStoppedNodeIsDownForTheOthersAndDoesNotTakeThemForDead) {
    ClusterProcesses cluster({.nodes = 3, .settings = ClusterProcesses::usual_settings()});
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    wait_until_settled();
    Crossing crossing(cluster);

    const auto stopped = Clock::now();
    cluster.node(2).signal(SIGSTOP);
    for (const std::size_t other : {0U, 1U}) {
        EXPECT_TRUE(cluster.becomes_state(other, 2, "down")) << cluster.node(other).log();
        // By its silence, or by the kernel's count of what it has not acknowledged.
        EXPECT_TRUE(cluster.node(other).log_has("is down: "));
    }
    EXPECT_LE(Clock::now() - stopped, 7s);
    for (const std::size_t other : {0U, 1U}) {
        EXPECT_TRUE(cluster.becomes_partition(other, "peer_dead"));
        EXPECT_EQ(cluster.view(other).unseen, std::set<std::string>{cluster.id(2)});
    }
    crossing.publish(0, 10);  // the others go on

    cluster.node(2).signal(SIGCONT);
    EXPECT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    EXPECT_TRUE(cluster.node(2).log_has("stood still")) << cluster.node(2).log();
    EXPECT_THAT(cluster.node(2).log(), Not(HasSubstr("silent")));
    EXPECT_EQ(crossing.finish_at(1), kAllOnce);
    EXPECT_EQ(crossing.finish().twice, 0U);
}

TEST(ClusterFailureTest, APauseLongerThanTheLimitOfSilenceIsTheOwnFaultHoweverShort) {
    ClusterProcesses cluster({.nodes = 2,
                              .settings = {"cluster.heartbeat_ms=100", "cluster.suspect_ms=300",
                                           "cluster.dead_ms=600"}});
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    for (int round = 0; round < 3; ++round) {
        cluster.node(1).signal(SIGSTOP);
        EXPECT_TRUE(cluster.becomes_state(0, 1, "down")) << cluster.node(0).log();
        std::this_thread::sleep_for(200ms);  // still less than two seconds
        cluster.node(1).signal(SIGCONT);
        EXPECT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    }
    EXPECT_THAT(cluster.node(1).log(), Not(HasSubstr("silent")));
}

TEST(ClusterFailureTest, APauseShorterThanTheLimitEndsNoLink) {
    ClusterProcesses cluster({.nodes = 3,
                              .settings = {"cluster.heartbeat_ms=100", "cluster.suspect_ms=500",
                                           "cluster.dead_ms=20000"}});
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    cluster.node(2).signal(SIGSTOP);
    for (const std::size_t other : {0U, 1U}) {
        EXPECT_TRUE(cluster.becomes_state(other, 2, "suspect")) << cluster.node(other).log();
    }
    cluster.node(2).signal(SIGCONT);
    EXPECT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    for (std::size_t i = 0; i < cluster.size(); ++i) {
        EXPECT_THAT(cluster.node(i).log(), Not(HasSubstr("is down")));
    }
}

TEST(ClusterFailureTest, AKilledNodeIsMissedAtOnceAndLinkedAgainAfterItsRestart) {
    ClusterProcesses cluster({.nodes = 3, .settings = ClusterProcesses::usual_settings()});
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    Crossing crossing(cluster);
    crossing.publish(0, 20);
    crossing.publish(2, 20);
    // The live path is best effort: what has not left a node yet is not saved by its OK.
    for (const std::size_t other : {0U, 1U}) EXPECT_EQ(crossing.finish_at(other), kAllOnce);
    const std::uint64_t boot = cluster.view(0).peers.at(cluster.id(2)).boot;

    cluster.node(2).kill();
    for (const std::size_t other : {0U, 1U}) {
        EXPECT_TRUE(cluster.becomes_state(other, 2, "down")) << cluster.node(other).log();
    }
    crossing.publish(1, 20);
    cluster.start_again(2);
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    EXPECT_GT(cluster.view(0).peers.at(cluster.id(2)).boot, boot);
    crossing.reconnect(2);
    EXPECT_EQ(crossing.finish_at(0), kAllOnce);
    EXPECT_EQ(crossing.finish_at(1), kAllOnce);
    const CrossingResult result = crossing.finish();
    EXPECT_EQ(result.twice, 0U);
    EXPECT_EQ(result.foreign, 0U);
}

TEST(ClusterFailureTest, ANodeThatLeavesIsNoAlarmAndItsLastEventsArrive) {
    ClusterProcesses cluster({.nodes = 3, .settings = ClusterProcesses::usual_settings()});
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    wait_until_settled();
    Crossing crossing(cluster);
    crossing.publish(2, 500, 1000);
    crossing.disconnect(2);
    EXPECT_EQ(cluster.node(2).terminate(), 0);

    for (const std::size_t other : {0U, 1U}) {
        EXPECT_TRUE(cluster.becomes_state(other, 2, "left")) << cluster.node(other).log();
        EXPECT_TRUE(cluster.node(other).log_has("has left"));
        EXPECT_EQ(crossing.finish_at(other), kAllOnce);
    }
    std::this_thread::sleep_for(1500ms);  // longer than a verdict takes
    for (const std::size_t other : {0U, 1U}) {
        EXPECT_THAT(cluster.node(other).log(), Not(HasSubstr(" warn")));
        EXPECT_EQ(cluster.metric(other, "parrhesia_mesh_partitions_total"), 0);
    }
    cluster.start_again(2);
    EXPECT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
}

// Whoever is killed while events go on, again and again: what the two others have goes on, and
// nothing comes twice.
TEST(ClusterFailureTest, ANodeThatIsKilledAgainAndAgainCostsTheOthersNothing) {
    ClusterProcesses cluster({.nodes = 3, .settings = ClusterProcesses::usual_settings()});
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    Crossing crossing(cluster);
    for (int round = 0; round < 4; ++round) {
        crossing.publish(0, 50);
        cluster.node(2).kill();
        crossing.publish(1, 50);
        cluster.start_again(2);
        crossing.publish(0, 50);
    }
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    crossing.reconnect(2);
    EXPECT_EQ(crossing.finish_at(0), kAllOnce);
    EXPECT_EQ(crossing.finish_at(1), kAllOnce);
    EXPECT_EQ(crossing.finish().twice, 0U);
}

}  // namespace
}  // namespace parrhesia::test
