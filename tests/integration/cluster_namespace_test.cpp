// Relays on machines of their own: what the kernel says of cables and routes that are gone.
#include "integration/support/cluster_processes.hpp"
#include "integration/support/crossing.hpp"
#include "integration/support/network_namespace.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace parrhesia::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Pairs = std::set<std::pair<std::string, std::string>>;

const CrossingResult kAllOnce{};

class ClusterNamespaceTest : public ::testing::Test {
  protected:
    static constexpr std::size_t kNodes = 3;

    void SetUp() override {
        const std::string missing = NetworkNamespaces::what_is_missing();
        if (!missing.empty()) GTEST_SKIP() << missing;
        machines = std::make_unique<NetworkNamespaces>(kNodes);
        cluster = std::make_unique<ClusterProcesses>(
            ClusterPlan{.nodes = kNodes,
                        .settings = ClusterProcesses::usual_settings(),
                        .machines = machines.get()});
        ASSERT_TRUE(cluster->becomes_full_mesh()) << cluster->report();
    }

    // Of a node that the two others do not reach any more.
    void expect_alone(std::size_t node) {
        const auto start = Clock::now();
        for (std::size_t other = 0; other < kNodes; ++other) {
            if (other == node) continue;
            EXPECT_TRUE(cluster->becomes_state(other, node, "down")) << cluster->report();
            EXPECT_TRUE(cluster->becomes_state(node, other, "down")) << cluster->report();
        }
        EXPECT_LE(Clock::now() - start, 7s);
    }

    std::unique_ptr<NetworkNamespaces> machines;
    std::unique_ptr<ClusterProcesses> cluster;
};

TEST_F(ClusterNamespaceTest, ANodeWithoutItsInterfaceOrItsCableIsMissedAndComesBack) {
    Crossing crossing(*cluster);
    machines->link_up(2, false);
    expect_alone(2);
    crossing.publish(0, 10);
    machines->link_up(2, true);
    ASSERT_TRUE(cluster->becomes_full_mesh()) << cluster->report();

    machines->cable_plugged(2, false);
    expect_alone(2);
    crossing.publish(1, 10);
    machines->cable_plugged(2, true);
    ASSERT_TRUE(cluster->becomes_full_mesh()) << cluster->report();
    EXPECT_EQ(crossing.finish_at(0), kAllOnce);
    EXPECT_EQ(crossing.finish().twice, 0U);
}

TEST_F(ClusterNamespaceTest, ARouteThatSwallowsEverythingIsACutLinkThatTheThirdNames) {
    Crossing crossing(*cluster);
    std::this_thread::sleep_for(3200ms);  // nodes that just came up are no partition
    machines->blackhole(0, 1, true);      // one way: the other one hears nothing either
    EXPECT_TRUE(cluster->becomes_state(1, 0, "down")) << cluster->report();
    EXPECT_TRUE(cluster->becomes_state(0, 1, "down")) << cluster->report();
    const Pairs cut{
        {std::min(cluster->id(0), cluster->id(1)), std::max(cluster->id(0), cluster->id(1))}};
    for (std::size_t i = 0; i < kNodes; ++i) {
        EXPECT_TRUE(cluster->becomes_partition(i, "cut_link")) << i << "\n" << cluster->report();
        EXPECT_EQ(cluster->view(i).cut_links, cut);
    }
    machines->blackhole(0, 1, false);
    ASSERT_TRUE(cluster->becomes_full_mesh()) << cluster->report();
    EXPECT_EQ(crossing.finish().twice, 0U);
}

}  // namespace
}  // namespace parrhesia::test
