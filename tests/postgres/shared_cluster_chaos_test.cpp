// What relays and networks do to a cluster on one database.
#include "integration/support/cluster_processes.hpp"
#include "integration/support/crossing.hpp"
#include "postgres/relay_testing.hpp"
#include "support/postgres_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

using ::testing::HasSubstr;

const CrossingResult kAllOnce{};
// Nodes that just came up are no partition, whatever becomes of them.
constexpr std::chrono::milliseconds kSettling{3200};

// With links of their own, they find each other in the database.
ClusterPlan on_databases(const std::vector<std::string>& connections,
                         ClusterLinks links = ClusterLinks::own) {
    ClusterPlan plan;
    plan.nodes = connections.size();
    plan.links = links;
    plan.settings = ClusterProcesses::usual_settings();
    plan.settings_of = [connections, links](std::size_t number, const std::vector<std::string>&) {
        std::vector<std::string> settings{"store.engine=postgres",
                                          "postgres.connection=" + connections[number]};
        if (links == ClusterLinks::own) settings.push_back("cluster.discovery=[\"postgres\"]");
        return settings;
    };
    return plan;
}

TEST(SharedClusterChaosTest, RelaysFindEachOtherInTheDatabaseAndDeliverEachEventOnce) {
    constexpr std::size_t kNodes = 4;
    const std::string connection = shared_postgres().make_database();
    ClusterProcesses cluster(on_databases(std::vector(kNodes, connection)));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    Crossing stored(cluster);
    Crossing ephemeral(cluster, 20'001);
    for (std::size_t i = 0; i < kNodes; ++i) {
        stored.publish(i, 50, 300);
        ephemeral.publish(i, 50, 300);
    }
    EXPECT_EQ(stored.finish(), kAllOnce);
    EXPECT_EQ(ephemeral.finish(), kAllOnce);
    // Stored once, by who took it; every node finds all.
    for (std::size_t i = 0; i < kNodes; ++i) {
        EXPECT_EQ(found(cluster.node(i).port(), R"({"kinds":[1],"limit":500})").size(),
                  kNodes * 51);
    }
}

// Of three that know each other's addresses, one is on another database.
TEST(SharedClusterChaosTest, ARelayOnAnotherDatabaseIsRefusedAndNamedOnceOnBothSides) {
    const std::string shared = shared_postgres().make_database();
    ClusterProcesses cluster(
        on_databases({shared, shared, shared_postgres().make_database()}, ClusterLinks::direct));
    ASSERT_TRUE(cluster.becomes_full_mesh({0, 1})) << cluster.report();
    ASSERT_TRUE(cluster.node(2).log_has("is refused there")) << cluster.report();
    ASSERT_TRUE(cluster.node(0).log_has("is refused here")) << cluster.report();

    cluster.node(1).kill();
    cluster.start_again(1);
    ASSERT_TRUE(cluster.becomes_full_mesh({0, 1})) << cluster.report();
    for (const std::size_t node : {0U, 2U}) {
        EXPECT_THAT(cluster.node(node).log(), HasSubstr("(bad_log)"));
        EXPECT_EQ(occurrences(cluster.node(node).log(), "is refused"), 1U) << cluster.report();
    }
    EXPECT_EQ(cluster.metric(0, "parrhesia_mesh_handshake_failures_total{code=\"bad_log\"}"), 1);
    EXPECT_EQ(cluster.metric(2, "parrhesia_mesh_dials_total"), 1);
    EXPECT_TRUE(cluster.view(2).peers.empty());
}

// The registry in the database knows better than the links what has become of a relay.
TEST(SharedClusterChaosTest, ARelayThatOnlyTheDatabaseSeesIsSplitOffAndNotDead) {
    const std::string shared = shared_postgres().make_database();
    ClusterProcesses cluster(on_databases({shared, shared, shared}, ClusterLinks::proxied));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    std::this_thread::sleep_for(kSettling);
    for (const std::size_t other : {0U, 1U}) cluster.link(other, 2).blackhole();
    for (const std::size_t other : {0U, 1U}) {
        EXPECT_TRUE(cluster.becomes_partition(other, "full_split")) << cluster.report();
        EXPECT_EQ(cluster.view(other).unseen, std::set<std::string>{cluster.id(2)});
    }
    for (const std::size_t other : {0U, 1U}) cluster.link(other, 2).heal();
    EXPECT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
}

// What the others have in the database they do not hear of while the link is away: the live path is
// best effort. But nobody gets anything twice when it is back.
TEST(SharedClusterChaosTest, AKilledRelayComesBackAndNothingComesTwice) {
    const std::string connection = shared_postgres().make_database();
    ClusterProcesses cluster(on_databases(std::vector(3, connection)));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    Crossing crossing(cluster);
    for (int round = 0; round < 2; ++round) {
        crossing.publish(0, 50);
        cluster.node(2).kill();
        crossing.publish(1, 50);
        cluster.start_again(2);
        ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    }
    crossing.reconnect(2);
    EXPECT_EQ(crossing.finish_at(0), kAllOnce);
    EXPECT_EQ(crossing.finish_at(1), kAllOnce);
    EXPECT_EQ(crossing.finish().twice, 0U);
}

}  // namespace
}  // namespace parrhesia::test
