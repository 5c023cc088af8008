// Relays of one cluster on one database.
#include "integration/support/cluster_processes.hpp"
#include "integration/support/crossing.hpp"
#include "postgres/relay_testing.hpp"
#include "support/postgres_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const CrossingResult kAllOnce{};

// Nobody is named in a configuration: they find each other in the database.
ClusterPlan on_databases(const std::vector<std::string>& connections) {
    ClusterPlan plan;
    plan.nodes = connections.size();
    plan.links = ClusterLinks::own;
    plan.settings = ClusterProcesses::usual_settings();
    plan.settings_of = [connections](std::size_t number, const std::vector<std::string>&) {
        return std::vector<std::string>{"store.engine=postgres",
                                        "postgres.connection=" + connections[number],
                                        "cluster.discovery=[\"postgres\"]"};
    };
    return plan;
}

TEST(PostgresClusterTest, RelaysFindEachOtherInTheDatabaseAndDeliverEachEventOnce) {
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
TEST(PostgresClusterTest, ARelayOnAnotherDatabaseIsRefusedAndNamedOnceOnBothSides) {
    const std::string shared = shared_postgres().make_database();
    ClusterPlan plan = on_databases({shared, shared, shared_postgres().make_database()});
    plan.links = ClusterLinks::direct;
    plan.settings_of = [before = plan.settings_of](std::size_t number, const auto& addresses) {
        auto settings = before(number, addresses);
        settings.pop_back();
        return settings;
    };
    ClusterProcesses cluster(plan);
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
    EXPECT_LE(cluster.metric(2, "parrhesia_mesh_dials_total"), 2);
    EXPECT_TRUE(cluster.view(2).peers.empty());
}

// What the others have in the database they do not hear of while the link is away: the live path is
// best effort. But nobody gets anything twice when it is back.
TEST(PostgresClusterTest, AKilledRelayComesBackAndNothingComesTwice) {
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
