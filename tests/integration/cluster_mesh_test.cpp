// Relays find each other, and bring each other's events to their subscribers.
#include "integration/support/cluster_processes.hpp"
#include "integration/support/command.hpp"
#include "integration/support/conversation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Clock = std::chrono::steady_clock;

constexpr Kind kEphemeral = 20'001;
constexpr Kind kMarmot = 445;
constexpr Kind kDirectMessage = 4;
constexpr Kind kGiftWrap = 1059;

TEST(ClusterMeshTest, FiveNodesThatKnowOneAddressFormAFullMesh) {
    const auto start = Clock::now();
    ClusterProcesses cluster({.nodes = 5, .settings = {}});
    const auto listening = Clock::now();
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    const auto took = [](auto from, auto to) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
    };
    RecordProperty("start_ms", std::to_string(took(start, listening)));
    RecordProperty("mesh_ms", std::to_string(took(listening, Clock::now())));
    for (std::size_t i = 0; i < cluster.size(); ++i) {
        EXPECT_EQ(cluster.view(i).peers.size(), 4U);
        EXPECT_TRUE(cluster.node(i).metric_becomes("parrhesia_mesh_peers{state=\"up\"}", 4));
    }
}

TEST(ClusterMeshTest, FiveNodesThatAllDialEachOtherEndWithOneConnectionForEachPair) {
    ClusterProcesses cluster(
        {.nodes = 5, .links = ClusterLinks::proxied, .settings = ClusterProcesses::quick_beats()});
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    for (std::size_t a = 0; a < cluster.size(); ++a) {
        for (std::size_t b = a + 1; b < cluster.size(); ++b) {
            const ChaosLink link = cluster.link(a, b);
            EXPECT_TRUE(becomes([&] { return link.open_connections() == 1; })) << a << " " << b;
            // Each dialled once or twice: no storm.
            EXPECT_LE(link.connections(), 4U) << a << " " << b;
        }
    }
    EXPECT_TRUE(cluster.is_full_mesh()) << cluster.report();
}

// Stored and ephemeral, of every lane: what each node has accepted comes to the subscribers of
// each, once. A lane keeps its order, so the last event of each origin is a fence for those before.
TEST(ClusterMeshTest, EveryEventReachesTheSubscribersOfEveryNodeExactlyOnce) {
    constexpr int kEach = 40;
    ClusterProcesses cluster({.nodes = 5, .settings = ClusterProcesses::usual_settings()});
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    for (const Kind kind : {Kind{1}, kEphemeral, kMarmot}) {
        const Tags tags = kind == kMarmot ? Tags{{"h", std::string(64, 'a')}} : Tags{};
        const std::string filter =
            kind == kMarmot ? "{\"kinds\":[445],\"#h\":[\"" + std::string(64, 'a') + "\"]}"
                            : "{\"kinds\":[" + std::to_string(kind) + "]}";
        std::vector<std::unique_ptr<WsClient>> subscribers;
        std::vector<std::unique_ptr<WsClient>> publishers;
        for (std::size_t i = 0; i < cluster.size(); ++i) {
            subscribers.push_back(std::make_unique<WsClient>(cluster.node(i).port()));
            publishers.push_back(std::make_unique<WsClient>(cluster.node(i).port()));
            subscribe(*subscribers.back(), filter);
        }
        std::map<std::string, int> expected;
        std::set<std::string> fences;
        for (int n = 0; n <= kEach; ++n) {
            for (auto& publisher : publishers) {
                const EventPtr event = new_event(kind, tags);
                ASSERT_THAT(publish(*publisher, event), StartsWith(ok_of(event, "true,")));
                expected[id_of(event)] = 1;
                if (n == kEach) fences.insert(id_of(event));
            }
        }
        for (auto& subscriber : subscribers) {
            EXPECT_EQ(events_until(*subscriber, fences), expected) << "kind " << kind;
        }
    }
    for (std::size_t i = 0; i < cluster.size(); ++i) EXPECT_EQ(cluster.node(i).terminate(), 0);
}

TEST(ClusterMeshTest, WhatIsPublishedOnTwoNodesIsDeliveredOnceByEach) {
    ClusterProcesses cluster({.nodes = 3, .settings = ClusterProcesses::usual_settings()});
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    WsClient first(cluster.node(0).port());
    WsClient second(cluster.node(1).port());
    std::array<WsClient, 3> subscribers{WsClient(cluster.node(0).port()),
                                        WsClient(cluster.node(1).port()),
                                        WsClient(cluster.node(2).port())};
    for (WsClient& subscriber : subscribers) subscribe(subscriber, R"({"kinds":[1,20001]})");
    std::map<std::string, int> expected;
    for (int n = 0; n < 50; ++n) {
        const EventPtr event = new_event(n % 2 == 0 ? Kind{1} : kEphemeral);
        first.send(publication(event));
        second.send(publication(event));
        for (WsClient* client : {&first, &second}) {
            EXPECT_THAT(client->receive().value_or("nothing"), StartsWith(ok_of(event, "true,")));
        }
        expected[id_of(event)] = 1;
    }
    std::set<std::string> fences;
    for (const Kind kind : {Kind{1}, kEphemeral}) {
        for (WsClient* client : {&first, &second}) {
            const EventPtr fence = new_event(kind);
            ASSERT_THAT(publish(*client, fence), StartsWith(ok_of(fence, "true,")));
            fences.insert(id_of(fence));
            expected[id_of(fence)] = 1;
        }
    }
    for (WsClient& subscriber : subscribers) EXPECT_EQ(events_until(subscriber, fences), expected);
}

// A client that has proved to be `author`.
void authenticate(WsClient& client, std::string_view author) {
    const std::string challenge_start = "[\"AUTH\",\"";
    const std::string message = client.receive().value_or("nothing");
    ASSERT_THAT(message, StartsWith(challenge_start));
    const std::string challenge = message.substr(
        challenge_start.size(), message.find('"', challenge_start.size()) - challenge_start.size());
    const EventPtr proof = make_event(
        author, {now(), 22242, {{"relay", "wss://relay.example"}, {"challenge", challenge}}, ""});
    client.send("[\"AUTH\"," + std::string(proof->json()) + "]");
    ASSERT_THAT(client.receive().value_or("nothing"), StartsWith(ok_of(proof, "true,")));
}

TEST(ClusterMeshTest, ProtectedEventsOfOtherNodesReachOnlyThoseWhomTheyConcern) {
    auto settings = ClusterProcesses::usual_settings();
    settings.insert(settings.end(),
                    {"relay.public_url=wss://relay.example", "auth.challenge_at_connect=true"});
    ClusterProcesses cluster({.nodes = 2, .settings = settings});
    ASSERT_TRUE(cluster.becomes_full_mesh()) << cluster.report();
    const auto pubkey = [](std::string_view author) -> std::string {
        return base::to_hex(new_event(1, {}, author)->pubkey());
    };
    WsClient publisher(cluster.node(0).port());
    authenticate(publisher, "alice");

    WsClient nobody(cluster.node(1).port());
    ASSERT_THAT(nobody.receive().value_or("nothing"), StartsWith("[\"AUTH\""));
    WsClient stranger(cluster.node(1).port());
    authenticate(stranger, "carol");
    WsClient recipient(cluster.node(1).port());
    authenticate(recipient, "bob");
    WsClient author(cluster.node(1).port());
    authenticate(author, "alice");
    const std::string all = "{\"since\":" + std::to_string(now() - 10) + "}";
    const std::string named = R"({"kinds":[1,4,1059,21059]})";
    subscribe(nobody, all);
    for (WsClient* client : {&stranger, &recipient, &author}) subscribe(*client, named);

    const Tags to_bob{{"p", pubkey("bob")}};
    const EventPtr message = new_event(kDirectMessage, to_bob);
    const EventPtr wrap = new_event(kGiftWrap, to_bob);
    const EventPtr ephemeral_wrap = new_event(21'059, to_bob);
    for (const EventPtr& event : {message, wrap, ephemeral_wrap}) {
        ASSERT_THAT(publish(publisher, event), StartsWith(ok_of(event, "true,")));
    }
    // Lanes have no order among them: wraps go in another one than notes. The recipient has them
    // all once the others could have had them.
    std::set<std::string> wanted{id_of(message), id_of(wrap), id_of(ephemeral_wrap)};
    const auto got = events_until(recipient, wanted);
    EXPECT_EQ(got.size(), 3U);
    const EventPtr fence = new_event();
    ASSERT_THAT(publish(publisher, fence), StartsWith(ok_of(fence, "true,")));
    const std::set<std::string> end{id_of(fence)};
    const std::map<std::string, int> only_fence{{id_of(fence), 1}};
    EXPECT_EQ(events_until(nobody, end), only_fence);
    EXPECT_EQ(events_until(stranger, end), only_fence);
    EXPECT_EQ(events_until(recipient, end), only_fence);
    const std::map<std::string, int> own_message{{id_of(message), 1}, {id_of(fence), 1}};
    EXPECT_EQ(events_until(author, end), own_message);
}

// ---- who is no part of it ----

// Nodes 0 and 1 are a cluster; node 2 is another one's, and dials node 0.
class ClusterStrangerTest : public ::testing::Test {
  protected:
    static ClusterPlan plan(std::string what_differs) {
        ClusterPlan plan;
        plan.settings = ClusterProcesses::quick_beats();
        plan.links = ClusterLinks::own;
        plan.settings_of = [what_differs](std::size_t number,
                                          const std::vector<std::string>& addresses) {
            std::vector<std::string> settings;
            if (number != 0) {
                settings.push_back("cluster.discovery=[\"static:" + addresses[0] + "\"]");
            }
            if (number == 2) settings.push_back(what_differs);
            return settings;
        };
        return plan;
    }
};

TEST_F(ClusterStrangerTest, ANodeOfAnotherNameIsRefusedAndNamedOnceOnBothSides) {
    ClusterProcesses cluster(plan("cluster.name=other"));
    ASSERT_TRUE(cluster.becomes_full_mesh({0, 1})) << cluster.report();
    ASSERT_TRUE(cluster.node(2).log_has("is refused there")) << cluster.report();
    ASSERT_TRUE(cluster.node(0).log_has("is refused here")) << cluster.report();
    EXPECT_THAT(cluster.node(0).log(), HasSubstr("(cluster.name)"));
    EXPECT_THAT(cluster.node(2).log(), HasSubstr("(cluster.name)"));

    // It is told to wait for a minute; what happens meanwhile among the others is not its business.
    const double dials = cluster.metric(2, "parrhesia_mesh_dials_total");
    cluster.node(1).kill();
    cluster.start_again(1);
    ASSERT_TRUE(cluster.becomes_full_mesh({0, 1})) << cluster.report();
    EXPECT_EQ(cluster.metric(2, "parrhesia_mesh_dials_total"), dials);
    EXPECT_EQ(occurrences(cluster.node(0).log(), "is refused"), 1U) << cluster.report();
    EXPECT_EQ(occurrences(cluster.node(2).log(), "is refused"), 1U) << cluster.report();
    EXPECT_TRUE(cluster.view(2).peers.empty());
}

TEST_F(ClusterStrangerTest, ANodeWithAnotherKeyIsRefusedAndNamedOnceOnBothSides) {
    const TemporaryFolder folder;
    const std::string other_key = (folder.path() / "other.key").string();
    ASSERT_EQ(run_command({"cluster", "keygen", "--out", other_key}).code, 0);
    ClusterProcesses cluster(plan("cluster.psk_file=" + other_key));
    ASSERT_TRUE(cluster.becomes_full_mesh({0, 1})) << cluster.report();
    // One more try, because once may be chance; then it waits for a minute.
    const auto dials_of = [&] { return cluster.metric(2, "parrhesia_mesh_dials_total"); };
    const auto refusals = [&] {
        return cluster.metric(2, "parrhesia_mesh_handshake_failures_total{code=\"tls\"}");
    };
    ASSERT_TRUE(becomes([&] { return dials_of() >= 2 && refusals() >= 1; })) << cluster.report();
    const double dials = dials_of();
    for (int round = 0; round < 2; ++round) {
        cluster.node(1).kill();
        cluster.start_again(1);
        ASSERT_TRUE(cluster.becomes_full_mesh({0, 1})) << cluster.report();
    }
    EXPECT_EQ(dials_of(), dials);
    EXPECT_GE(refusals(), 1);
    for (const std::size_t node : {0U, 2U}) {
        EXPECT_EQ(occurrences(cluster.node(node).log(), "cluster.psk_file"), 1U)
            << cluster.node(node).log();
    }
    EXPECT_TRUE(cluster.view(2).peers.empty());
}

}  // namespace
}  // namespace parrhesia::test
