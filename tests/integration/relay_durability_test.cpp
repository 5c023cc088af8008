// What was acknowledged is there: after kill -9 under load, after a full disk, after an orderly
// end.

#include "integration/support/relay_process.hpp"
#include "integration/support/ws_client.hpp"
#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

event::EventPtr note(int number, std::size_t bytes = 200) {
    return make_event(
        "alice", {now(), 1, {{"t", "load"}}, std::to_string(number) + std::string(bytes, 'x')});
}

std::string publish(const event::EventPtr& event) {
    return "[\"EVENT\"," + std::string(event->json()) + "]";
}

// The id in ["OK","<id>",true,...] or ["EVENT","s",{"id":"<id>",...}; empty in anything else.
std::string id_in(const std::string& message, std::string_view before) {
    const std::size_t at = message.find(before);
    return at == std::string::npos ? "" : message.substr(at + before.size(), 64);
}

std::set<std::string> stored_ids(RelayProcess& relay) {
    std::set<std::string> ids;
    WsClient client(relay.port());
    client.send(R"(["REQ","s",{"#t":["load"],"limit":5000}])");
    for (const auto& message : client.receive_until("[\"EOSE\"")) {
        ids.insert(id_in(message, "{\"id\":\""));
    }
    return ids;
}

TEST(Durability, EveryAcknowledgedEventSurvivesKill9UnderLoad) {
    RelayProcess relay;
    std::set<std::string> acknowledged;
    int number = 0;
    for (int round = 0; round < 5; ++round) {
        WsClient client(relay.port());
        constexpr int kInFlight = 100;
        for (int i = 0; i < kInFlight; ++i) client.send(publish(note(number++)));
        // Killed in the middle: some are committed, some on their way, some unread.
        for (int i = 0; i < kInFlight / 3; ++i) {
            const auto answer = client.receive();
            ASSERT_TRUE(answer);
            acknowledged.insert(id_in(*answer, "[\"OK\",\""));
        }
        relay.kill();
        // What was already in our socket was acknowledged, too.
        while (const auto answer = client.receive()) {
            if (answer->find(",true,") != std::string::npos) {
                acknowledged.insert(id_in(*answer, "[\"OK\",\""));
            }
        }
        relay.start();
        const auto ids = stored_ids(relay);
        EXPECT_TRUE(std::includes(ids.begin(), ids.end(), acknowledged.begin(), acknowledged.end()))
            << "round " << round;
    }
    EXPECT_GE(acknowledged.size(), 150U);
}

TEST(Durability, AnOrderlyEndAnswersWhatWasTakenAndSaysGoodbye) {
    RelayProcess relay;
    WsClient client(relay.port());
    for (int i = 0; i < 50; ++i) client.send(publish(note(i)));
    ASSERT_TRUE(client.receive());
    relay.signal(SIGTERM);
    std::set<std::string> acknowledged;
    while (const auto answer = client.receive()) {
        if (answer->find(",true,") != std::string::npos) {
            acknowledged.insert(id_in(*answer, "[\"OK\",\""));
        }
    }
    EXPECT_EQ(client.close_code(), 1001U);
    EXPECT_EQ(relay.wait(), 0);
    relay.start();
    const auto ids = stored_ids(relay);
    EXPECT_TRUE(std::includes(ids.begin(), ids.end(), acknowledged.begin(), acknowledged.end()));
    EXPECT_EQ(relay.terminate(), 0);
}

TEST(Durability, AClientThatNeverLeavesDelaysTheEndByTheDeadlineOnly) {
    RelayProcess relay({"relay.shutdown_seconds=1"});
    WsClient client(relay.port());  // never reads: never answers the close frame
    EXPECT_EQ(relay.terminate(), 0);
}

TEST(Durability, ASecondSignalKillsAtOnce) {
    RelayProcess relay({"relay.shutdown_seconds=60"});
    WsClient client(relay.port());
    relay.signal(SIGTERM);
    ASSERT_TRUE(relay.log_has("shutting down"));
    relay.signal(SIGTERM);
    EXPECT_NE(relay.wait(), 0);
}

TEST(Durability, AFullDiskRefusesWritesServesReadsAndRecoversByItself) {
    RelayProcess relay;
    WsClient client(relay.port());
    const auto before = note(0);
    client.send(publish(before));
    ASSERT_TRUE(client.receive());

    relay.limit_file_size(relay.largest_store_file_bytes());
    std::string answer;
    for (int i = 1; i < 500 && answer.find(",false,") == std::string::npos; ++i) {
        client.send(publish(note(i, 20'000)));
        answer = client.receive().value_or("nothing");
    }
    EXPECT_NE(answer.find(",false,\"error: "), std::string::npos) << answer;
    EXPECT_EQ(http_get(relay.admin_port(), "/ready").status, 503U);
    EXPECT_EQ(http_get(relay.admin_port(), "/health").status, 200U);
    EXPECT_TRUE(stored_ids(relay).contains(to_hex(before->id())));

    relay.limit_file_size(RLIM_INFINITY);
    const auto after = note(1000, 20'000);
    client.send(publish(after));
    EXPECT_EQ(client.receive(), "[\"OK\",\"" + to_hex(after->id()) + "\",true,\"\"]");
    EXPECT_EQ(http_get(relay.admin_port(), "/ready").status, 200U);
    EXPECT_TRUE(stored_ids(relay).contains(to_hex(after->id())));
}

}  // namespace
}  // namespace parrhesia::test
