// What clients see of a relay whose database stops, hangs or dies.
#include "app/exit_code.hpp"
#include "postgres/relay_testing.hpp"
#include "support/postgres_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

using std::chrono::steady_clock;
using ::testing::StartsWith;

constexpr Kind kEphemeral = 20'001;

// A client with one subscription, opened by the constructor.
class Subscriber {
  public:
    explicit Subscriber(std::uint16_t port) : client_(port) {
        client_.send(R"(["REQ","live",{"kinds":[1,20001]}])");
        EXPECT_FALSE(client_.receive_until("[\"EOSE\"").empty());
    }
    // Reads on until it has come; then how often each event has come so far.
    const std::map<std::string, int>& read_until(const EventPtr& event) {
        const std::string last = id_of(event);
        while (!times_.contains(last)) {
            const auto message = client_.receive();
            if (!message) {
                ADD_FAILURE() << last << " does not come";
                break;
            }
            EXPECT_THAT(*message, StartsWith("[\"EVENT\",\"live\","));
            ++times_[id_in(*message)];
        }
        return times_;
    }

  private:
    WsClient client_;
    std::map<std::string, int> times_;
};

// Clients that publish as fast as they get answers and send again what was refused, and others that
// listen.
class Load {
  public:
    Load(std::uint16_t port, std::size_t publishers) {
        for (std::size_t i = 0; i < publishers; ++i) {
            threads_.emplace_back([this, port, i] { run(port, "author" + std::to_string(i)); });
        }
    }
    ~Load() { stop(); }
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    void stop() {
        stopping_ = true;
        for (std::thread& thread : threads_) {
            if (thread.joinable()) thread.join();
        }
    }
    [[nodiscard]] std::size_t acknowledged_count() const {
        const std::scoped_lock lock(mutex_);
        return acknowledged_.size();
    }
    [[nodiscard]] bool goes_on(std::size_t further) const {
        const std::size_t before = acknowledged_count();
        return becomes([&] { return acknowledged_count() >= before + further; });
    }
    // After stop().
    [[nodiscard]] const std::set<std::string>& acknowledged() const { return acknowledged_; }
    [[nodiscard]] const std::set<std::string>& unexpected_answers() const { return unexpected_; }

  private:
    void run(std::uint16_t port, const std::string& author) {
        constexpr std::size_t kInFlight = 10;
        WsClient client(port);
        std::map<std::string, EventPtr> refused;
        bool connected = true;
        while (connected && !stopping_) {
            std::map<std::string, EventPtr> sent = refused;
            while (sent.size() < kInFlight) {
                const EventPtr event = new_event(1, {{"t", "load"}}, author);
                sent.emplace(id_of(event), event);
            }
            try {
                for (const auto& [id, event] : sent) client.send(publication(event));
            } catch (const boost::system::system_error&) {  // what it has answered is still read
                connected = false;
            }
            std::map<std::string, EventPtr> refused_now;
            for (std::size_t i = 0; i < sent.size(); ++i) {
                const auto answer = client.receive();
                if (!answer) {  // the relay has ended
                    connected = false;
                    break;
                }
                note(*answer, sent, refused_now);
            }
            refused = std::move(refused_now);
        }
    }

    void note(const std::string& answer, const std::map<std::string, EventPtr>& sent,
              std::map<std::string, EventPtr>& refused_now) {
        constexpr std::string_view kBefore = "[\"OK\",\"";
        const std::string id = answer.substr(kBefore.size(), 64);
        const std::string rest = answer.substr(std::min(answer.size(), kBefore.size() + 66));
        const std::scoped_lock lock(mutex_);
        if (sent.contains(id) && rest.starts_with("true,")) {
            acknowledged_.insert(id);
        } else if (sent.contains(id) && rest.starts_with("false,\"error: ")) {
            refused_now.insert(*sent.find(id));
        } else {
            unexpected_.insert(answer);
        }
    }

    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    // guarded by mutex_
    std::set<std::string> acknowledged_;
    std::set<std::string> unexpected_;
    std::vector<std::thread> threads_;
};

bool is_ready(const RelayProcess& relay) {
    return http_get(relay.admin_port(), "/ready").status == 200;
}

// A relay on a server of its own.
class RelayFaultTest : public ::testing::Test {
  protected:
    explicit RelayFaultTest(bool durable = false) : server({.durable = durable, .more = {}}) {}

    void start_relay(const std::vector<std::string>& more = {}) {
        relay = std::make_unique<RelayProcess>(settings_of(connection, more));
    }

    // Once the relay has noticed: it says so everywhere, and nobody waits for the database.
    void expect_refusals(WsClient& publisher) const {
        ASSERT_TRUE(becomes([this] { return !is_ready(*relay); }));
        EXPECT_THAT(http_get(relay->admin_port(), "/ready").body, StartsWith("store: "));
        EXPECT_EQ(http_get(relay->admin_port(), "/health").status, 200U);

        // Far less than a timeout of a second or more for each of them.
        constexpr int kEvents = 60;
        const auto begin = steady_clock::now();
        for (int i = 0; i < kEvents; ++i) {
            const EventPtr event = new_event();
            EXPECT_THAT(publish(publisher, event),
                        StartsWith(ok_of(event, "false,\"error: the store is not available")));
        }
        EXPECT_THAT(first_answer(relay->port(), R"(["REQ","q",{"kinds":[1]}])"),
                    StartsWith("[\"CLOSED\",\"q\",\"error: "));
        EXPECT_THAT(first_answer(relay->port(), R"(["COUNT","q",{"kinds":[1]}])"),
                    StartsWith("[\"CLOSED\",\"q\",\"error: "));
        EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(40));
    }

    // Live traffic that no database sees.
    static void expect_ephemeral(WsClient& publisher, Subscriber& subscriber) {
        const EventPtr event = new_event(kEphemeral);
        EXPECT_EQ(publish(publisher, event), ok_of(event, "true,\"\"]"));
        EXPECT_EQ(subscriber.read_until(event).at(id_of(event)), 1);
    }

    // `refused` while the database was away is taken, too.
    void expect_back(WsClient& publisher, Subscriber& subscriber, const EventPtr& refused) const {
        EXPECT_TRUE(becomes([this] { return is_ready(*relay); }));
        EXPECT_TRUE(publish_until_taken(publisher, refused));
        const EventPtr event = new_event();
        EXPECT_TRUE(publish_until_taken(publisher, event));
        const auto& times = subscriber.read_until(event);
        EXPECT_EQ(times.count(id_of(refused)), 1U);
        for (const auto& [id, count] : times) EXPECT_EQ(count, 1) << id;
        EXPECT_EQ(missing(relay->port(), {id_of(refused), id_of(event)}), std::set<std::string>());
        EXPECT_THAT(first_answer(relay->port(), R"(["COUNT","q",{"kinds":[1]}])"),
                    StartsWith("[\"COUNT\",\"q\",{\"count\":"));
    }

    PostgresServer server;
    const std::string connection = server.make_database();
    std::unique_ptr<RelayProcess> relay;
};

TEST_F(RelayFaultTest, WhileTheDatabaseIsStoppedClientsAreToldAndLiveTrafficGoesOn) {
    start_relay();
    Subscriber subscriber(relay->port());
    WsClient publisher(relay->port());
    const EventPtr before = new_event();
    ASSERT_TRUE(publish_until_taken(publisher, before));

    for (int round = 0; round < 2; ++round) {
        server.stop();
        const EventPtr refused = new_event();
        EXPECT_THAT(publish(publisher, refused), StartsWith(ok_of(refused, "false,\"error: ")));
        expect_refusals(publisher);
        expect_ephemeral(publisher, subscriber);

        server.start();
        expect_back(publisher, subscriber, refused);
    }
    EXPECT_EQ(missing(relay->port(), {id_of(before)}), std::set<std::string>());
    EXPECT_EQ(relay->terminate(), app::kExitOk);
}

TEST_F(RelayFaultTest, ADatabaseThatHangsIsLikeOneThatIsAway) {
    start_relay({"postgres.write_timeout_ms=2000", "postgres.connect_timeout_ms=1000"});
    Subscriber subscriber(relay->port());
    WsClient publisher(relay->port());
    ASSERT_TRUE(publish_until_taken(publisher, new_event()));

    for (int round = 0; round < 2; ++round) {
        server.pause();
        const EventPtr refused = new_event();
        const auto begin = steady_clock::now();
        EXPECT_THAT(publish(publisher, refused), StartsWith(ok_of(refused, "false,\"error: ")));
        EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(15));
        expect_refusals(publisher);
        expect_ephemeral(publisher, subscriber);

        server.resume();
        expect_back(publisher, subscriber, refused);
    }
    EXPECT_EQ(relay->terminate(), app::kExitOk);
}

TEST_F(RelayFaultTest, WhatWasAcknowledgedSurvivesKill9OfTheRelayUnderLoad) {
    start_relay();
    std::set<std::string> acknowledged;
    for (int round = 0; round < 3; ++round) {
        Load load(relay->port(), 4);
        EXPECT_TRUE(load.goes_on(200));
        relay->kill();
        load.stop();
        EXPECT_EQ(load.unexpected_answers(), std::set<std::string>());
        acknowledged.insert(load.acknowledged().begin(), load.acknowledged().end());

        relay->start();
        ASSERT_TRUE(becomes([this] { return is_ready(*relay); }));
        EXPECT_EQ(missing(relay->port(), acknowledged), std::set<std::string>());
    }
    EXPECT_GE(acknowledged.size(), 600U);
}

// What is written must be on the disk: the machine seems to have died.
class RelayCrashTest : public RelayFaultTest {
  protected:
    RelayCrashTest() : RelayFaultTest(true) {}
};

TEST_F(RelayCrashTest, WhatWasAcknowledgedSurvivesKill9OfTheDatabaseUnderLoad) {
    // They read at the end only, and a quick machine stores much until then.
    start_relay({"limits.unsent_bytes=1073741824"});
    std::vector<std::unique_ptr<Subscriber>> subscribers;
    for (int i = 0; i < 2; ++i) subscribers.push_back(std::make_unique<Subscriber>(relay->port()));
    Load load(relay->port(), 4);
    for (int round = 0; round < 3; ++round) {
        EXPECT_TRUE(load.goes_on(200));
        server.kill();
        EXPECT_TRUE(becomes([this] { return !is_ready(*relay); }));
        server.start();
        EXPECT_TRUE(becomes([this] { return is_ready(*relay); }));
    }
    EXPECT_TRUE(load.goes_on(200));
    load.stop();

    EXPECT_EQ(load.unexpected_answers(), std::set<std::string>());
    EXPECT_EQ(missing(relay->port(), load.acknowledged()), std::set<std::string>());
    WsClient publisher(relay->port());
    const EventPtr last = new_event();
    EXPECT_TRUE(publish_until_taken(publisher, last));
    for (const auto& subscriber : subscribers) {
        const auto& times = subscriber->read_until(last);
        for (const auto& [id, count] : times) EXPECT_EQ(count, 1) << id;
        for (const std::string& id : load.acknowledged()) EXPECT_TRUE(times.contains(id)) << id;
    }
    EXPECT_EQ(relay->terminate(), app::kExitOk);  // it has never ended before
}

}  // namespace
}  // namespace parrhesia::test
