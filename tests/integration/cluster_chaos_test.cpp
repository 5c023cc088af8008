// Links through networks that are slow, torn, one-way and wrong.
#include "integration/support/cluster_processes.hpp"
#include "integration/support/crossing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace parrhesia::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Pairs = std::set<std::pair<std::string, std::string>>;

const CrossingResult kAllOnce{};
constexpr std::size_t kMiB = std::size_t{1} << 20;

// Nodes that just came up are no partition, whatever becomes of them: for three seconds.
void wait_until_settled() { std::this_thread::sleep_for(3200ms); }

std::uint64_t random_seed() {
    const std::uint64_t seed = std::random_device()();
    std::printf("seed %" PRIu64 "\n", seed);
    return seed;
}

ClusterPlan proxied(std::size_t nodes, std::uint64_t seed = 1,
                    std::vector<std::string> settings = ClusterProcesses::usual_settings()) {
    return {.nodes = nodes,
            .links = ClusterLinks::proxied,
            .settings = std::move(settings),
            .seed = seed};
}

std::pair<std::string, std::string> ordered(const std::string& a, const std::string& b) {
    return {std::min(a, b), std::max(a, b)};
}

// In KiB.
std::size_t resident_kib(pid_t process) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
    }
    return 0;
}

TEST(ClusterChaosTest, FarNodesFormAMeshAndEveryEventCrossesOnce) {
    ClusterProcesses cluster(proxied(3));
    for (const auto& [a, b] : {std::pair{0, 1}, {0, 2}, {1, 2}}) {
        cluster.link(static_cast<std::size_t>(a), static_cast<std::size_t>(b))
            .set({.latency = 30ms, .jitter = 20ms});
    }
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    Crossing crossing(cluster);
    // Above 10 ms, batches are compressed.
    EXPECT_TRUE(
        becomes([&] { return cluster.view(0).peers.at(cluster.id(1)).round_trip_us > 40'000; }));
    for (std::size_t i = 0; i < cluster.size(); ++i) crossing.publish(i, 100, 500);
    EXPECT_EQ(crossing.finish(), kAllOnce);
}

TEST(ClusterChaosTest, LinksCutInTheMiddleOfAFrameComeBackAndNothingComesTwice) {
    const std::uint64_t seed = random_seed();
    std::mt19937_64 random(seed);
    ClusterProcesses cluster(proxied(3, seed));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    Crossing crossing(cluster);
    const ChaosLink link = cluster.link(0, 1);
    std::uint64_t connections = link.connections();
    for (int round = 0; round < 8; ++round) {
        link.cut_after(1 + random() % 40'000, round % 2 == 0 ? Ending::rst : Ending::fin);
        while (link.connections() == connections) {
            crossing.publish(0, 20, 400);
            crossing.publish(1, 20, 400);
        }
        connections = link.connections();
    }
    link.heal();
    ASSERT_TRUE(cluster.becomes_full_mesh()) << "seed " << seed << "\n" << cluster.report();
    const CrossingResult result = crossing.finish();
    EXPECT_EQ(result.twice, 0U) << "seed " << seed;
    EXPECT_EQ(result.foreign, 0U) << "seed " << seed;
    // Node 2 has a whole network, so it has everything.
    EXPECT_EQ(crossing.finish_at(2), kAllOnce) << "seed " << seed;
}

class ClusterCorruptionTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ClusterCorruptionTest, WrongBytesEndALinkAndNeverComeThrough) {
    const std::uint64_t seed = random_seed();
    auto settings = ClusterProcesses::usual_settings();
    settings.insert(settings.end(),
                    {std::string("cluster.tls=") + GetParam(), "cluster.insecure_ok=true"});
    ClusterProcesses cluster(proxied(2, seed, settings));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    Crossing crossing(cluster);
    const ChaosLink link = cluster.link(0, 1);
    link.set({.corrupt_every = 20'000});
    while (link.flipped_bits() < 6) {
        crossing.publish(0, 20, 400);
        crossing.publish(1, 20, 400);
    }
    link.heal();
    ASSERT_TRUE(cluster.becomes_full_mesh()) << "seed " << seed << "\n" << cluster.report();
    const CrossingResult result = crossing.finish();
    EXPECT_EQ(result.twice, 0U) << "seed " << seed;
    EXPECT_EQ(result.foreign, 0U) << "seed " << seed;
    for (std::size_t i = 0; i < cluster.size(); ++i) {
        EXPECT_EQ(cluster.metric(i, "parrhesia_mesh_refused_events_total{reason=\"invalid\"}"), 0);
    }
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutTls, ClusterCorruptionTest, ::testing::Values("psk", "off"));

TEST(ClusterChaosTest, AHalfOpenLinkIsNoticedByBothAndNamedByTheThird) {
    ClusterProcesses cluster(proxied(3));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    wait_until_settled();
    Crossing crossing(cluster);
    const ChaosLink link = cluster.link(0, 1);

    const auto start = Clock::now();
    link.blackhole();
    EXPECT_TRUE(cluster.becomes_state(0, 1, "down")) << cluster.report();
    EXPECT_TRUE(cluster.becomes_state(1, 0, "down")) << cluster.report();
    EXPECT_LE(Clock::now() - start, 7s);
    for (std::size_t i = 0; i < cluster.size(); ++i) {
        EXPECT_TRUE(cluster.becomes_partition(i, "cut_link")) << i << "\n" << cluster.report();
        EXPECT_EQ(cluster.view(i).cut_links, Pairs{ordered(cluster.id(0), cluster.id(1))});
    }
    EXPECT_LE(Clock::now() - start, 10s);
    EXPECT_TRUE(cluster.node(2).metric_becomes("parrhesia_mesh_partition{kind=\"cut_link\"}", 1));

    crossing.publish(0, 10);
    EXPECT_EQ(crossing.finish_at(2), kAllOnce);
    link.heal();
    EXPECT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    EXPECT_EQ(crossing.finish().twice, 0U);
}

TEST(ClusterChaosTest, ALinkThatWorksOneWayOnlyIsDownForBoth) {
    ClusterProcesses cluster(proxied(2));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    const ChaosLink link = cluster.link(0, 1);
    link.set_towards(1, {.blackhole = true});
    EXPECT_TRUE(cluster.becomes_state(1, 0, "down")) << cluster.report();
    EXPECT_TRUE(cluster.becomes_state(0, 1, "down")) << cluster.report();
    link.heal();
    EXPECT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
}

TEST(ClusterChaosTest, APartialPartitionIsNamedByWhoSeesBothSides) {
    ClusterProcesses cluster(proxied(4));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    wait_until_settled();
    cluster.link(0, 1).blackhole();
    cluster.link(0, 2).blackhole();
    const Pairs cut{ordered(cluster.id(0), cluster.id(1)), ordered(cluster.id(0), cluster.id(2))};
    for (std::size_t i = 0; i < cluster.size(); ++i) {
        EXPECT_TRUE(becomes([&] {
            const NodeView view = cluster.view(i);
            return view.partition == "partial" && view.cut_links == cut && view.unseen.empty();
        })) << i
            << "\n"
            << cluster.report();
    }
    cluster.link(0, 1).heal();
    cluster.link(0, 2).heal();
    EXPECT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
}

TEST(ClusterChaosTest, ASplitIntoTwoHalvesIsSeenAsOneByBoth) {
    ClusterProcesses cluster(proxied(4));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    wait_until_settled();
    Crossing crossing(cluster);
    for (const std::size_t a : {0U, 1U}) {
        for (const std::size_t b : {2U, 3U}) cluster.link(a, b).blackhole();
    }
    for (std::size_t i = 0; i < cluster.size(); ++i) {
        EXPECT_TRUE(cluster.becomes_partition(i, "full_split")) << i << "\n" << cluster.report();
        const std::size_t other_half = i < 2 ? 2 : 0;
        const std::set<std::string> unseen{cluster.id(other_half), cluster.id(other_half + 1)};
        EXPECT_EQ(cluster.view(i).unseen, unseen);
    }
    for (std::size_t i = 0; i < cluster.size(); ++i) crossing.publish(i, 10);
    for (const std::size_t a : {0U, 1U}) {
        for (const std::size_t b : {2U, 3U}) cluster.link(a, b).heal();
    }
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    EXPECT_EQ(crossing.finish().twice, 0U);
}

TEST(ClusterChaosTest, ASlowLinkHoldsABoundedBacklogAndDelaysNobodyElse) {
    constexpr std::size_t kBound = 2 << 20;
    ClusterProcesses cluster(
        proxied(3, 1,
                {"cluster.heartbeat_ms=100", "cluster.suspect_ms=10000", "cluster.dead_ms=30000",
                 "cluster.queue_generic_bytes=" + std::to_string(kBound),
                 "limits.exempt=[\"127.0.0.0/8\"]", "rates.event_pubkey=off"}));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    Crossing crossing(cluster);
    crossing.publish(0);
    const std::size_t before = resident_kib(cluster.node(0).pid());
    const ChaosLink link = cluster.link(0, 1);
    link.set_towards(1, {.bytes_per_second = 100'000});
    std::uint64_t most_queued = 0;
    for (int round = 0; round < 60; ++round) {
        crossing.publish(0, 10, 20'000);
        const LaneView lane = cluster.view(0).peers.at(cluster.id(1)).lanes.at("generic");
        most_queued = std::max(most_queued, lane.queued_bytes);
    }
    EXPECT_LE(most_queued, kBound);
    EXPECT_GT(cluster.view(0).peers.at(cluster.id(1)).lanes.at("generic").dropped, 0U);
    EXPECT_EQ(crossing.finish_at(2), kAllOnce);
    EXPECT_LT(resident_kib(cluster.node(0).pid()), before + 64 * kMiB / 1024);

    link.heal();
    EXPECT_TRUE(cluster.node(1).log_has("generic events that waited for this relay"));
    EXPECT_TRUE(becomes([&] {
        const LaneView lane = cluster.view(0).peers.at(cluster.id(1)).lanes.at("generic");
        return lane.queued_bytes == 0 && !lane.gapped;
    })) << cluster.report();
    EXPECT_TRUE(cluster.is_full_mesh()) << cluster.report();
    const CrossingResult result = crossing.finish();
    EXPECT_EQ(result.twice, 0U);
    EXPECT_GT(cluster.metric(1, "parrhesia_mesh_gaps_received_total{lane=\"generic\"}"), 0);
    // What is missing at node 1 is what was said to be.
    EXPECT_EQ(static_cast<double>(result.missing),
              cluster.metric(1, "parrhesia_mesh_gap_events_total{lane=\"generic\"}"));
}

TEST(ClusterChaosTest, AStalledLinkIsGivenUpAndItsBacklogWithIt) {
    ClusterProcesses cluster(proxied(3));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    Crossing crossing(cluster);
    const ChaosLink link = cluster.link(0, 1);
    link.set_towards(1, {.stall = true});
    // Read as it comes: a quick machine publishes more than a relay keeps for a client.
    while (cluster.state(1, 0) != "down") {
        crossing.publish(0, 20, 10'000);
        for (const std::size_t other : {0U, 2U}) ASSERT_EQ(crossing.finish_at(other), kAllOnce);
    }
    EXPECT_TRUE(cluster.becomes_state(0, 1, "down")) << cluster.report();
    EXPECT_TRUE(becomes([&] {
        double queued = 0;
        const std::string peer = cluster.id(1).substr(0, 8);
        for (const char* lane : {"marmot", "generic", "ephemeral"}) {
            queued += cluster.metric(0, "parrhesia_mesh_queue_bytes{lane=\"" + std::string(lane) +
                                            "\",peer=\"" + peer + "\"}");
        }
        return queued == 0;
    }));
    EXPECT_EQ(crossing.finish_at(2), kAllOnce);
    link.heal();
    EXPECT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    EXPECT_EQ(crossing.finish().twice, 0U);
}

TEST(ClusterChaosTest, AFlappingLinkEndsAsOneAndNothingComesTwice) {
    ClusterProcesses cluster(proxied(3));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    Crossing crossing(cluster);
    const ChaosLink link = cluster.link(0, 1);
    constexpr int kFlaps = 10;
    for (int flap = 0; flap < kFlaps; ++flap) {
        link.cut(flap % 2 == 0 ? Ending::fin : Ending::rst);
        crossing.publish(0, 10);
        crossing.publish(1, 10);
        ASSERT_TRUE(becomes([&] {
            return cluster.state(0, 1) == "up" && cluster.state(1, 0) == "up" &&
                   link.open_connections() > 0;
        })) << cluster.report();
    }
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    EXPECT_TRUE(becomes([&] { return link.open_connections() == 1; }));
    EXPECT_LE(link.connections(), std::uint64_t{4} * (kFlaps + 1));
    EXPECT_EQ(crossing.finish_at(2), kAllOnce);
    EXPECT_EQ(crossing.finish().twice, 0U);
}

TEST(ClusterChaosTest, ANodeThatIsNotThereIsDialledLessAndLessOften) {
    ClusterProcesses cluster(proxied(2));
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    const ChaosLink link = cluster.link(0, 1);
    link.refuse(true);
    link.cut(Ending::rst);
    const double before = cluster.metric(0, "parrhesia_mesh_dials_total");
    const std::uint64_t connections = link.connections();
    const auto start = Clock::now();
    // Two addresses, that of the proxy and what gossip told, each five times.
    EXPECT_TRUE(
        becomes([&] { return cluster.metric(0, "parrhesia_mesh_dials_total") >= before + 10; }));
    EXPECT_GE(Clock::now() - start, 300ms);  // not as fast as refusals come
    EXPECT_EQ(link.connections(), connections);
    link.heal();
    EXPECT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
}

}  // namespace
}  // namespace parrhesia::test
