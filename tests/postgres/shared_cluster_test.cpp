// Relays on one database that find each other in it, and pass on what they accept.
#include "parrhesia/mesh/cluster_secret.hpp"

#include "postgres/relay_testing.hpp"
#include "support/postgres_server.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

using ::testing::StartsWith;

constexpr Kind kEphemeral = 20'001;
constexpr std::string_view kUp = "parrhesia_mesh_peers{state=\"up\"}";

class SharedClusterTest : public ::testing::Test {
  protected:
    SharedClusterTest() {
        EXPECT_TRUE(mesh::write_cluster_secret(key, mesh::make_cluster_secret()));
    }
    [[nodiscard]] std::unique_ptr<RelayProcess> start(const std::string& connection,
                                                      const std::string& discovery) const {
        return std::make_unique<RelayProcess>(settings_of(
            connection, {"cluster.enabled=true", "cluster.psk_file=" + key.string(),
                         "cluster.listen=127.0.0.1:0", "cluster.discovery=" + discovery}));
    }
    // True once every relay is linked with all others.
    [[nodiscard]] static bool are_linked(const std::vector<std::unique_ptr<RelayProcess>>& relays) {
        for (const auto& relay : relays) {
            if (!relay->metric_becomes(kUp, static_cast<double>(relays.size() - 1))) return false;
        }
        return true;
    }

    const TemporaryFolder folder;
    const std::filesystem::path key = folder.path() / "cluster.key";
};

// A subscriber that counts what it gets, until a fence.
class Subscribed {
  public:
    Subscribed(const RelayProcess& relay, const std::string& filter) : client_(relay.port()) {
        client_.send("[\"REQ\",\"s\"," + filter + "]");
    }
    [[nodiscard]] bool waits_for_eose() {
        const auto messages = client_.receive_until("[\"EOSE\"");
        for (const auto& message : messages) note(message);
        return !messages.empty() && messages.back().starts_with("[\"EOSE\"");
    }
    [[nodiscard]] bool waits_for(const EventPtr& fence) {
        while (times_[id_of(fence)] == 0) {
            const auto message = client_.receive();
            if (!message) return false;
            note(*message);
        }
        return true;
    }
    [[nodiscard]] const std::map<std::string, int>& times() const { return times_; }

  private:
    void note(const std::string& message) {
        if (const std::string id = id_in(message); !id.empty()) ++times_[id];
    }
    WsClient client_;
    std::map<std::string, int> times_;
};

TEST_F(SharedClusterTest, RelaysThatStartTogetherFindEachOtherInTheDatabase) {
    const std::string database = shared_postgres().make_database();
    std::vector<std::unique_ptr<RelayProcess>> relays(3);
    {
        std::vector<std::jthread> starting;
        for (auto& relay : relays) {
            starting.emplace_back([&] { relay = start(database, "postgres"); });
        }
    }
    ASSERT_TRUE(are_linked(relays));
    for (const auto& relay : relays) {
        EXPECT_TRUE(relay->metric_becomes("parrhesia_cluster_registered_alive", 2));
    }
    // Who leaves in order is not waited for.
    EXPECT_EQ(relays[2]->terminate(), 0);
    EXPECT_TRUE(relays[0]->metric_becomes("parrhesia_cluster_registered_alive", 1));
    EXPECT_TRUE(relays[0]->metric_becomes(kUp, 1));
}

// The position of a remote event is that of the database, so the boundary between what the query
// has and what is live is as exact for it as for an event of one's own.
TEST_F(SharedClusterTest, EverySubscriptionGetsRemoteEventsOnceWheneverItBegins) {
    const std::string database = shared_postgres().make_database();
    std::vector<std::unique_ptr<RelayProcess>> relays;
    relays.push_back(start(database, "postgres"));
    relays.push_back(start(database, "postgres"));
    ASSERT_TRUE(are_linked(relays));

    constexpr int kEvents = 400;
    constexpr int kSubscriptions = 25;
    std::vector<EventPtr> events;
    for (int i = 0; i < kEvents; ++i) events.push_back(new_event());
    const EventPtr fence = new_event();
    std::jthread publisher([&] {
        WsClient client(relays[0]->port());
        for (const EventPtr& event : events) {
            EXPECT_THAT(publish(client, event), StartsWith(ok_of(event, "true,")));
        }
    });
    std::vector<std::unique_ptr<Subscribed>> subscribed;
    for (int i = 0; i < kSubscriptions; ++i) {
        subscribed.push_back(
            std::make_unique<Subscribed>(*relays[1], R"({"kinds":[1],"limit":5000})"));
        ASSERT_TRUE(subscribed.back()->waits_for_eose());
    }
    publisher.join();
    WsClient client(relays[0]->port());
    EXPECT_THAT(publish(client, fence), StartsWith(ok_of(fence, "true,")));
    for (const auto& one : subscribed) {
        ASSERT_TRUE(one->waits_for(fence));
        EXPECT_EQ(one->times().size(), events.size() + 1);
        for (const auto& [id, times] : one->times()) EXPECT_EQ(times, 1) << id;
    }
}

TEST_F(SharedClusterTest, LinksOutliveTheDatabaseAndBeginWithIt) {
    PostgresServer server;
    const std::string database = server.make_database();
    std::vector<std::unique_ptr<RelayProcess>> relays;
    relays.push_back(start(database, "postgres"));
    relays.push_back(start(database, "postgres"));
    ASSERT_TRUE(are_linked(relays));
    Subscribed live(*relays[1], R"({"kinds":[20001]})");
    ASSERT_TRUE(live.waits_for_eose());

    server.kill();
    EXPECT_TRUE(relays[0]->log_has("the registry of relays in the database"));
    WsClient client(relays[0]->port());
    const EventPtr meanwhile = new_event(kEphemeral);
    EXPECT_THAT(publish(client, meanwhile), StartsWith(ok_of(meanwhile, "true,")));
    EXPECT_TRUE(live.waits_for(meanwhile)) << "the mesh needs no database";

    // One that starts now cannot know which database it would belong to.
    relays.push_back(start(database, "postgres"));
    EXPECT_TRUE(relays[2]->log_has("no link with other relays is made before it answers"));
    EXPECT_EQ(relays[2]->metric(kUp), 0);
    server.start();
    EXPECT_TRUE(are_linked(relays));
}

}  // namespace
}  // namespace parrhesia::test
