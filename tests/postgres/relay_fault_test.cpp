// What clients see of a relay whose database stops, hangs or dies, and of two relays that share
// one.
#include "app/exit_code.hpp"
#include "integration/support/relay_process.hpp"
#include "integration/support/ws_client.hpp"
#include "support/event_generator.hpp"
#include "support/postgres_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

using event::EventPtr;
using event::Kind;
using std::chrono::steady_clock;
using ::testing::AnyOf;
using ::testing::StartsWith;
using Tags = std::vector<std::vector<std::string>>;

constexpr Kind kEphemeral = 20'001;
constexpr Kind kAddressable = 30'023;

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// Differs from every other event.
EventPtr new_event(Kind kind = 1, const Tags& tags = {}, std::string_view author = "alice",
                   std::int64_t created_at = now()) {
    static std::atomic<int> count{0};
    return make_event(author, {created_at, kind, tags, "number " + std::to_string(++count)});
}

std::string id_of(const EventPtr& event) { return base::to_hex(event->id()); }

// Empty when the message is no event.
std::string id_in(const std::string& message) {
    constexpr std::string_view kBefore = "{\"id\":\"";
    const std::size_t at = message.find(kBefore);
    return at == std::string::npos ? "" : message.substr(at + kBefore.size(), 64);
}

std::string publication(const EventPtr& event) {
    return "[\"EVENT\"," + std::string(event->json()) + "]";
}

std::string ok_of(const EventPtr& event, std::string_view rest) {
    return "[\"OK\",\"" + id_of(event) + "\"," + std::string(rest);
}

std::string publish(WsClient& client, const EventPtr& event) {
    client.send(publication(event));
    return client.receive().value_or("nothing");
}

// The database was away: until it is taken, as clients do.
[[nodiscard]] bool publish_until_taken(WsClient& client, const EventPtr& event) {
    return becomes([&] { return publish(client, event).starts_with(ok_of(event, "true,")); });
}

// What the relay answers to a query first: an event, EOSE or CLOSED.
std::string first_answer(std::uint16_t port, const std::string& message) {
    WsClient client(port);
    client.send(message);
    return client.receive().value_or("nothing");
}

std::set<std::string> found(std::uint16_t port, const std::string& filter) {
    std::set<std::string> ids;
    WsClient client(port);
    client.send("[\"REQ\",\"q\"," + filter + "]");
    const auto messages = client.receive_until("[\"EOSE\"");
    EXPECT_TRUE(!messages.empty() && messages.back().starts_with("[\"EOSE\"")) << filter;
    for (const std::string& message : messages) {
        if (const std::string id = id_in(message); !id.empty()) ids.insert(id);
    }
    return ids;
}

// Those of `ids` that the relay does not have.
std::set<std::string> missing(std::uint16_t port, const std::set<std::string>& ids) {
    constexpr std::size_t kAtOnce = 100;
    std::set<std::string> result;
    for (auto next = ids.begin(); next != ids.end();) {
        std::set<std::string> asked;
        std::string list;
        for (; next != ids.end() && asked.size() < kAtOnce; ++next) {
            list += (list.empty() ? "\"" : ",\"") + *next + "\"";
            asked.insert(*next);
        }
        const auto answer = found(port, "{\"limit\":100,\"ids\":[" + list + "]}");
        std::set_difference(asked.begin(), asked.end(), answer.begin(), answer.end(),
                            std::inserter(result, result.end()));
    }
    return result;
}

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
    // Those that no answer had left in doubt before.
    [[nodiscard]] const std::set<std::string>& taken_at_once() const { return taken_at_once_; }
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
                note(*answer, sent, refused, refused_now);
            }
            refused = std::move(refused_now);
        }
    }

    void note(const std::string& answer, const std::map<std::string, EventPtr>& sent,
              const std::map<std::string, EventPtr>& refused_before,
              std::map<std::string, EventPtr>& refused_now) {
        constexpr std::string_view kBefore = "[\"OK\",\"";
        const std::string id = answer.substr(kBefore.size(), 64);
        const std::string rest = answer.substr(std::min(answer.size(), kBefore.size() + 66));
        const std::scoped_lock lock(mutex_);
        if (sent.contains(id) && rest.starts_with("true,")) {
            acknowledged_.insert(id);
            if (!refused_before.contains(id)) taken_at_once_.insert(id);
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
    std::set<std::string> taken_at_once_;
    std::set<std::string> unexpected_;
    std::vector<std::thread> threads_;
};

std::vector<std::string> settings_of(const std::string& connection,
                                     const std::vector<std::string>& more = {}) {
    std::vector<std::string> settings{"store.engine=postgres", "postgres.connection=" + connection,
                                      "limits.exempt=[\"127.0.0.0/8\"]", "rates.event_pubkey=off"};
    settings.insert(settings.end(), more.begin(), more.end());
    return settings;
}

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

        // Far less than a timeout for each of them.
        constexpr int kEvents = 20;
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
        EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(15));
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
    start_relay();
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
        for (const std::string& id : load.taken_at_once()) EXPECT_TRUE(times.contains(id)) << id;
    }
    EXPECT_EQ(relay->terminate(), app::kExitOk);  // it has never ended before
}

// Two relays on one database.
class TwoRelaysTest : public ::testing::Test {
  protected:
    const std::string connection = shared_postgres().make_database();
    RelayProcess first{settings_of(connection)};
    RelayProcess second{settings_of(connection)};
    WsClient to_first{first.port()};
    WsClient to_second{second.port()};
};

TEST_F(TwoRelaysTest, WhatOneTakesTheOtherFinds) {
    const EventPtr a = new_event();
    const EventPtr b = new_event();
    ASSERT_TRUE(publish_until_taken(to_first, a));
    ASSERT_TRUE(publish_until_taken(to_second, b));

    const std::set<std::string> both{id_of(a), id_of(b)};
    for (const RelayProcess* relay : {&first, &second}) {
        EXPECT_EQ(found(relay->port(), R"({"kinds":[1]})"), both);
    }
    EXPECT_THAT(publish(to_second, a), StartsWith(ok_of(a, "true,\"duplicate: ")));
}

TEST_F(TwoRelaysTest, VersionsWrittenToBothAtTheSameTimeEndInOne) {
    const std::int64_t start = now() - 100;
    for (int round = 0; round < 30; ++round) {
        const Tags address{{"d", "article " + std::to_string(round)}};
        // Of the same second in every other round: then the lower id wins.
        const EventPtr a = new_event(kAddressable, address, "alice", start);
        const EventPtr b = new_event(kAddressable, address, "alice", start + round % 2);
        to_first.send(publication(a));
        to_second.send(publication(b));
        const std::string answer_a = to_first.receive().value_or("nothing");
        const std::string answer_b = to_second.receive().value_or("nothing");

        const bool b_wins = a->created_at() != b->created_at() || b->id() < a->id();
        EXPECT_THAT(b_wins ? answer_b : answer_a, StartsWith(ok_of(b_wins ? b : a, "true,")));
        // The other one was there first, or came too late.
        const EventPtr& loser = b_wins ? a : b;
        EXPECT_THAT(b_wins ? answer_a : answer_b,
                    AnyOf(StartsWith(ok_of(loser, "true,")),
                          StartsWith(ok_of(loser, "false,\"duplicate: "))));
        const std::set<std::string> winner{id_of(b_wins ? b : a)};
        const std::string filter = "{\"#d\":[\"" + address.front().back() + "\"]}";
        EXPECT_EQ(found(first.port(), filter), winner) << round;
        EXPECT_EQ(found(second.port(), filter), winner) << round;
    }
}

TEST_F(TwoRelaysTest, ADeletionByOneIsHonouredByTheOther) {
    const EventPtr known = new_event();
    const EventPtr unknown = new_event();
    ASSERT_TRUE(publish_until_taken(to_first, known));
    const EventPtr deletion = new_event(5, {{"e", id_of(known)}, {"e", id_of(unknown)}});
    ASSERT_TRUE(publish_until_taken(to_second, deletion));

    EXPECT_EQ(found(first.port(), R"({"kinds":[1]})"), std::set<std::string>());
    for (const EventPtr& event : {known, unknown}) {
        EXPECT_THAT(publish(to_first, event), StartsWith(ok_of(event, "false,\"blocked: ")));
    }
}

}  // namespace
}  // namespace parrhesia::test
