// The mesh as a whole under random faults, with a clock of its own. A failure names its seed.
#include "parrhesia/base/log.hpp"

#include "mesh/simulated_cluster.hpp"

#include <gtest/gtest.h>

#include <string>

namespace parrhesia::mesh {
namespace {

using protocol::Lane;

// A sanitizer makes each run ten times as long; what it looks for does not need as many.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 50;
constexpr std::uint64_t kFewSeeds = 5;
#else
constexpr std::uint64_t kSeeds = 1000;
constexpr std::uint64_t kFewSeeds = 50;
#endif

std::string partition(const SimulatedCluster& cluster, std::size_t host) {
    return cluster.status(host).partition;
}

class MeshSimulation : public testing::Test {
  protected:
    // What is done to the nodes here, they would say on every line.
    static void SetUpTestSuite() {
        base::log::configure(base::log::Level::error, base::log::Format::text);
    }
    static SimulatedCluster& settled(SimulatedCluster& cluster) {
        cluster.start_all();
        EXPECT_TRUE(cluster.run_until(3s, [&] { return cluster.is_full_mesh(); }));
        cluster.run(5s);
        return cluster;
    }
};

TEST_F(MeshSimulation, NodesThatStartTogetherHaveOneLinkPerPairWithinThreeSeconds) {
    for (std::uint64_t seed = 0; seed < 2 * kFewSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SimulatedCluster cluster(5, seed);
        cluster.start_all();
        ASSERT_TRUE(cluster.run_until(3s, [&] { return cluster.is_full_mesh(); }));
        cluster.run(10s);
        ASSERT_TRUE(cluster.is_full_mesh());
        for (std::size_t i = 0; i < cluster.size(); ++i) ASSERT_EQ(partition(cluster, i), "none");
    }
}

// Each pair dials both ways at first, and agrees on one link while events are on their way.
TEST_F(MeshSimulation, WhatIsSentToAPeerArrivesOnceWhileLinksReplaceEachOther) {
    struct Sent {
        std::uint64_t event;
        std::size_t to;
    };
    for (std::uint64_t seed = 0; seed < 2 * kFewSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SimulatedCluster cluster(5, seed);
        cluster.start_all();
        std::vector<Sent> sent;
        for (int round = 0; round < 200; ++round) {
            cluster.run(SimulatedCluster::kStep);
            for (std::size_t from = 0; from < cluster.size(); ++from) {
                const std::uint64_t event = cluster.publish(from);
                for (const auto& peer : cluster.status(from).peers) {
                    if (peer.state != "up") continue;
                    sent.push_back({event, static_cast<std::size_t>(peer.node.bytes[0]) - 1});
                }
            }
        }
        ASSERT_TRUE(cluster.run_until(3s, [&] { return cluster.is_full_mesh(); }));
        cluster.run(1s);
        for (const auto& [event, to] : sent) {
            ASSERT_EQ(cluster.received(to, event), 1U) << "event " << event << " at " << to;
        }
        ASSERT_LE(cluster.most_received(), 1U);
        ASSERT_GT(sent.size(), 1000U);
    }
}

TEST_F(MeshSimulation, KnowingOneNodeIsEnough) {
    for (std::uint64_t seed = 0; seed < 2 * kFewSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SimulatedCluster cluster(5, seed);
        cluster.start(0, {});
        for (std::size_t i = 1; i < cluster.size(); ++i) cluster.start(i, {i - 1});
        ASSERT_TRUE(cluster.run_until(3s, [&] { return cluster.is_full_mesh(); }));
    }
}

TEST_F(MeshSimulation, AnEventComesToEveryOtherNodeOnce) {
    SimulatedCluster cluster(4, 1);
    settled(cluster);
    std::vector<std::uint64_t> events;
    for (int i = 0; i < 2000; ++i) events.push_back(cluster.publish(1));
    cluster.run(2s);
    for (const std::uint64_t event : events) {
        ASSERT_EQ(cluster.received(0, event), 1U);
        ASSERT_EQ(cluster.received(1, event), 0U);
        ASSERT_EQ(cluster.received(2, event), 1U);
        ASSERT_EQ(cluster.received(3, event), 1U);
    }
}

TEST_F(MeshSimulation, ADeadPeerIsNoticedByAllWithinSevenSeconds) {
    for (std::uint64_t seed = 0; seed < kFewSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SimulatedCluster cluster(4, seed);
        settled(cluster);
        for (std::size_t i = 0; i < 3; ++i) cluster.cut_both(i, 3);
        cluster.kill(3);
        ASSERT_TRUE(cluster.run_until(7s, [&] {
            return partition(cluster, 0) == "peer_dead" && partition(cluster, 1) == "peer_dead" &&
                   partition(cluster, 2) == "peer_dead";
        }));
    }
}

TEST_F(MeshSimulation, OneCutLinkIsToldFromADeadPeer) {
    for (std::uint64_t seed = 0; seed < kFewSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SimulatedCluster cluster(4, seed);
        settled(cluster);
        cluster.cut_both(1, 2);
        ASSERT_TRUE(cluster.run_until(7s, [&] {
            for (std::size_t i = 0; i < 4; ++i) {
                if (partition(cluster, i) != "cut_link") return false;
            }
            return true;
        }));
        const auto cut = cluster.status(0).cut_links;
        ASSERT_EQ(cut.size(), 1U);
        EXPECT_EQ(cut[0].first, SimulatedCluster::node_id(1));
        EXPECT_EQ(cut[0].second, SimulatedCluster::node_id(2));
        cluster.heal();
        ASSERT_TRUE(cluster.run_until(30s, [&] { return partition(cluster, 3) == "none"; }));
    }
}

TEST_F(MeshSimulation, SeveralCutLinksAreAPartialPartition) {
    SimulatedCluster cluster(4, 3);
    settled(cluster);
    cluster.cut_both(0, 1);
    cluster.cut_both(0, 2);
    EXPECT_TRUE(cluster.run_until(7s, [&] {
        return partition(cluster, 0) == "partial" && partition(cluster, 3) == "partial";
    }));
}

TEST_F(MeshSimulation, TwoHalvesSeeAFullSplit) {
    SimulatedCluster cluster(4, 4);
    settled(cluster);
    for (const std::size_t left : {0U, 1U}) {
        for (const std::size_t right : {2U, 3U}) cluster.cut_both(left, right);
    }
    EXPECT_TRUE(cluster.run_until(7s, [&] {
        return partition(cluster, 0) == "full_split" && partition(cluster, 3) == "full_split";
    }));
    cluster.heal();
    EXPECT_TRUE(cluster.run_until(40s, [&] { return cluster.is_full_mesh(); }));
}

TEST_F(MeshSimulation, ANodeThatStoodStillDoesNotDeclareTheOthersDead) {
    for (std::uint64_t seed = 0; seed < kFewSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SimulatedCluster cluster(3, seed);
        settled(cluster);
        cluster.pause(1);
        cluster.run(5s);  // less than the others wait for
        cluster.resume(1);
        const std::size_t dials = cluster.dials();
        for (int i = 0; i < 200; ++i) {
            cluster.run(50ms);
            ASSERT_EQ(cluster.node(1).peers_up(), 2U);
        }
        EXPECT_EQ(cluster.dials(), dials) << "no link was made again";
    }
}

TEST_F(MeshSimulation, ARestartedNodeReplacesItsOldLinks) {
    for (std::uint64_t seed = 0; seed < kFewSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SimulatedCluster cluster(3, seed);
        settled(cluster);
        cluster.cut_both(0, 1);  // nobody hears of the end
        cluster.cut_both(1, 2);
        cluster.kill(1);
        cluster.run(200ms);
        cluster.heal();
        cluster.start(1, {0, 2});
        ASSERT_TRUE(cluster.run_until(5s, [&] { return cluster.is_full_mesh(); }));
    }
}

TEST_F(MeshSimulation, APeerThatStandsStillCostsBoundedMemoryAndDelaysNobody) {
    SimulatedCluster cluster(4, 5);
    cluster.options().lanes[2].bytes = 256 * 1024;
    cluster.options().window = 256 * 1024;
    settled(cluster);
    cluster.pause(3);
    std::vector<std::uint64_t> events;
    for (int i = 0; i < 4000; ++i) {
        events.push_back(cluster.publish(0, Lane::generic, 700));
        if (i % 10 == 9) cluster.run(5ms);
        ASSERT_LE(cluster.queued_bytes(0), 3 * cluster.options().lanes[2].bytes);
    }
    cluster.run(1s);
    for (const std::uint64_t event : events) {
        ASSERT_EQ(cluster.received(1, event), 1U);
        ASSERT_EQ(cluster.received(2, event), 1U);
    }
    // It learns that something is missing, and hears what is new.
    cluster.resume(3);
    cluster.run(20s);
    const std::uint64_t last = cluster.publish(0);
    cluster.run(1s);
    EXPECT_EQ(cluster.received(3, last), 1U);
    EXPECT_EQ(cluster.most_received(), 1U);
}

TEST_F(MeshSimulation, AReceiverWhoseFanOutStandsStillHoldsOneWindow) {
    SimulatedCluster cluster(2, 6);
    cluster.options().window = 64 * 1024;
    settled(cluster);
    cluster.stop_acknowledging(1);
    std::vector<std::uint64_t> events;
    for (int i = 0; i < 1000; ++i) events.push_back(cluster.publish(0, Lane::generic, 700));
    cluster.run(3s);
    const auto come = std::ranges::count_if(
        events, [&](std::uint64_t event) { return cluster.received(1, event) != 0; });
    EXPECT_GT(come, 50);
    EXPECT_LE(come, 2 * 64 * 1024 / 745) << "a window, and one batch beyond it";
}

TEST_F(MeshSimulation, GoodbyeIsNoFailureAndLosesNothing) {
    for (std::uint64_t seed = 0; seed < kFewSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SimulatedCluster cluster(3, seed);
        settled(cluster);
        std::vector<std::uint64_t> events;
        for (int i = 0; i < 500; ++i) events.push_back(cluster.publish(1, Lane::generic, 700));
        cluster.node(1).leave(protocol::GoodbyeReason::shutdown, cluster.now());
        ASSERT_TRUE(cluster.run_until(3s, [&] { return cluster.node(1).has_left(); }));
        cluster.kill(1);
        cluster.run(8s);
        for (const std::uint64_t event : events) {
            ASSERT_EQ(cluster.received(0, event), 1U);
            ASSERT_EQ(cluster.received(2, event), 1U);
        }
        EXPECT_EQ(partition(cluster, 0), "none");
        EXPECT_EQ(cluster.status(0).peers.at(0).state, "left");
    }
}

// What a random run does at a random time.
void do_harm(SimulatedCluster& cluster, std::mt19937_64& random) {
    const std::size_t a = random() % cluster.size();
    const std::size_t b = (a + 1 + random() % (cluster.size() - 1)) % cluster.size();
    switch (random() % 8) {
        case 0:
            return cluster.cut(a, b);
        case 1:
            return cluster.cut_both(a, b);
        case 2:
            return cluster.break_connections(a, b);
        case 3:
            return cluster.corrupt(a, b);
        case 4:
            return cluster.repeat(a, b);
        case 5:
            return cluster.heal();
        case 6:
            if (cluster.runs(a)) return cluster.pause(a);
            return cluster.resume(a);
        default:
            cluster.resume(a);
            cluster.kill(a);
            return cluster.start(a, {b});
    }
}

TEST_F(MeshSimulation, WhateverHappensTheMeshHealsAndNothingComesTwice) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        SimulatedCluster cluster(2 + random() % 3, seed);
        cluster.options().checksums = true;
        cluster.options().compression =
            random() % 2 == 0 ? Compression::always : Compression::never;
        cluster.start_all();
        for (int i = 0; i < 40; ++i) {
            if (random() % 4 == 0) do_harm(cluster, random);
            const std::size_t host = random() % cluster.size();
            if (cluster.runs(host)) {
                const auto lane = static_cast<Lane>(1 + random() % 3);
                cluster.publish(host, lane, random() % 20'000);
            }
            cluster.run(std::chrono::milliseconds(random() % 400));
            ASSERT_LE(cluster.most_received(), 1U);
        }
        cluster.heal();
        for (std::size_t i = 0; i < cluster.size(); ++i) cluster.resume(i);
        ASSERT_TRUE(cluster.run_until(60s, [&] { return cluster.is_full_mesh(); }));
        cluster.run(8s);
        ASSERT_TRUE(cluster.is_full_mesh());
        for (std::size_t i = 0; i < cluster.size(); ++i) ASSERT_EQ(partition(cluster, i), "none");
        const std::uint64_t last = cluster.publish(0);
        cluster.run(1s);
        for (std::size_t i = 1; i < cluster.size(); ++i) ASSERT_EQ(cluster.received(i, last), 1U);
    }
}

}  // namespace
}  // namespace parrhesia::mesh
