// Whole meshes, each with its thread and its socket.
#include "parrhesia/mesh/mesh.hpp"

#include "parrhesia/base/log.hpp"
#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::mesh {
namespace {

using namespace std::chrono_literals;

struct Sink final : RemoteSink {
    void take(std::vector<fanout::Published> events, std::function<void()> done) override {
        {
            const std::scoped_lock lock(mutex);
            for (auto& event : events) received.push_back(std::move(event));
        }
        done();
    }
    [[nodiscard]] std::size_t count() {
        const std::scoped_lock lock(mutex);
        return received.size();
    }
    std::mutex mutex;
    std::vector<fanout::Published> received;  // guarded by mutex
};

struct Member {
    Member(std::uint8_t number, const std::vector<std::string>& targets, bool shared,
           MeshOptions options = with_log("test log")) {
        options.cluster = "test";
        options.node.bytes.fill(number);
        options.boot = 1;
        options.listen_port = 0;
        options.shared_database = shared;
        options.targets = targets;
        options.secret.fill(3);
        mesh = std::make_unique<Mesh>(options, sink, registry);
        mesh->start();
    }
    [[nodiscard]] static MeshOptions with_log(const std::string& log_id) {
        MeshOptions options;
        options.log_id = log_id;
        return options;
    }
    [[nodiscard]] std::string address() const {
        return "127.0.0.1:" + std::to_string(mesh->port());
    }
    [[nodiscard]] std::size_t up() const {
        std::size_t count = 0;
        for (const auto& peer : mesh->status().peers) count += peer.state == "up" ? 1U : 0U;
        return count;
    }
    base::MetricsRegistry registry;
    Sink sink;
    std::unique_ptr<Mesh> mesh;
};

bool wait_for(const std::function<bool()>& condition) {
    for (const auto end = std::chrono::steady_clock::now() + 60s;
         std::chrono::steady_clock::now() < end;) {
        if (condition()) return true;
        std::this_thread::sleep_for(2ms);
    }
    return condition();
}

fanout::Published published(int number, event::Kind kind, std::uint64_t position) {
    static const auto kKey = event::Keypair::from_seed("mesh test");
    fanout::Published result;
    result.event = event::sign_event(
        kKey, {.created_at = 1'700'000'000, .kind = kind, .content = std::to_string(number)});
    result.position = base::Position{position};
    result.traffic_class = event::traffic_class_of(kind);
    return result;
}

class MeshTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        base::log::configure(base::log::Level::error, base::log::Format::text);
    }
};

TEST_F(MeshTest, WhatOneAcceptsTheOthersGetOnceAndAsItWas) {
    Member a(1, {}, false);
    Member b(2, {a.address()}, false);
    Member c(3, {b.address()}, false);
    ASSERT_TRUE(wait_for([&] { return a.up() == 2 && b.up() == 2 && c.up() == 2; }));
    std::vector<fanout::Published> events;
    for (int i = 1; i <= 300; ++i) {
        events.push_back(published(i, i % 3 == 0 ? 445 : 1, static_cast<std::uint64_t>(i)));
    }
    a.mesh->publish(events);
    ASSERT_TRUE(wait_for([&] { return c.sink.count() == 300; }));
    const std::scoped_lock lock(c.sink.mutex);
    std::map<std::uint64_t, std::string> by_position;
    for (const auto& event : c.sink.received) {
        EXPECT_TRUE(by_position.emplace(event.position.seq, event.event->json()).second);
    }
    ASSERT_EQ(by_position.size(), 300U);
    for (const auto& event : events) {
        EXPECT_EQ(by_position[event.position.seq], event.event->json());
    }
}

TEST_F(MeshTest, NoLinkIsMadeBeforeTheLogIsKnownNorWithAnotherOne) {
    Member a(1, {}, true, Member::with_log(""));
    Member b(2, {a.address()}, true, Member::with_log(""));
    a.mesh->set_log_id("one");
    b.mesh->set_log_id("one");
    ASSERT_TRUE(wait_for([&] { return a.up() == 1 && b.up() == 1; }));
    // Its database has been replaced: it is alone, until the other one has moved, too.
    b.mesh->set_log_id("two");
    ASSERT_TRUE(wait_for([&] { return a.up() == 0 && b.up() == 0; }));
    ASSERT_TRUE(wait_for([&] {
        return b.registry.render().find("handshake_failures_total{code=\"bad_log\"} ") !=
               std::string::npos;
    }));
    EXPECT_EQ(a.up(), 0U);
    a.mesh->set_log_id("two");
    ASSERT_TRUE(wait_for([&] { return a.up() == 1 && b.up() == 1; }));
}

TEST_F(MeshTest, WhoWaitsForItsLogLeavesAtOnce) {
    Member a(1, {}, true, Member::with_log(""));
    a.mesh->stop(std::chrono::milliseconds(60'000));
    EXPECT_EQ(a.up(), 0U);
}

TEST_F(MeshTest, OfTwoHeartbeatsTheSlowerHolds) {
    MeshOptions quick;
    quick.heartbeat = 50ms;
    quick.suspect = 150ms;
    quick.dead = 300ms;
    MeshOptions slow;
    slow.heartbeat = 1s;
    Member a(1, {}, false, quick);
    Member b(2, {a.address()}, false, slow);
    ASSERT_TRUE(wait_for([&] { return a.up() == 1 && b.up() == 1; }));
    // By its own limits a would have given b up long before.
    EXPECT_TRUE(wait_for([&] {
        const auto peers = a.mesh->status().peers;
        return peers.at(0).silence >= 500ms && peers.at(0).state == "up";
    }));
}

TEST_F(MeshTest, DoneMayComeAfterTheEnd) {
    struct Keeping final : RemoteSink {
        void take(std::vector<fanout::Published>, std::function<void()> done) override {
            const std::scoped_lock lock(mutex);
            kept.push_back(std::move(done));
        }
        std::mutex mutex;
        std::vector<std::function<void()>> kept;  // guarded by mutex
    } sink;
    Member a(1, {}, false);
    base::MetricsRegistry registry;
    MeshOptions options = Member::with_log("test log");
    options.cluster = "test";
    options.node.bytes.fill(2);
    options.boot = 1;
    options.listen_port = 0;
    options.targets = {a.address()};
    options.secret.fill(3);
    auto mesh = std::make_unique<Mesh>(options, sink, registry);
    mesh->start();
    ASSERT_TRUE(wait_for([&] { return a.up() == 1; }));
    a.mesh->publish(std::vector{published(1, 1, 1)});
    ASSERT_TRUE(wait_for([&] {
        const std::scoped_lock lock(sink.mutex);
        return sink.kept.size() == 1;
    }));
    mesh->stop(std::chrono::milliseconds(0));
    mesh.reset();
    sink.kept.at(0)();  // must not touch what is gone
}

TEST_F(MeshTest, WhoStopsSaysGoodbye) {
    Member a(1, {}, false);
    Member b(2, {a.address()}, false);
    ASSERT_TRUE(wait_for([&] { return a.up() == 1 && b.up() == 1; }));
    b.mesh->stop();
    ASSERT_TRUE(wait_for([&] { return a.mesh->status().peers.at(0).state == "left"; }));
    EXPECT_THAT(to_json(a.mesh->status()), testing::HasSubstr(R"("state":"left")"));
}

// The name of a class says how it is bounded and how it is dropped: it must be what the kind says.
TEST_F(MeshTest, WhatNoHonestNodeSendsIsRefused) {
    Member a(1, {}, false);
    Member b(2, {a.address()}, false);
    ASSERT_TRUE(wait_for([&] { return a.up() == 1 && b.up() == 1; }));
    const auto honest = published(1, 1, 7);
    const event::Signature forged{};
    auto bad_signature = honest;
    std::string record(honest.event->view().record());
    // The signature stands in the JSON that is served: one digit of it is changed.
    const std::size_t place = record.rfind("\"sig\":\"") + 8;
    record[place] = record[place] == 'a' ? 'b' : 'a';
    bad_signature.event = std::make_shared<const event::Event>(record, event::EventShape{}, forged);
    auto wrong_lane = published(2, 1, 8);
    wrong_lane.traffic_class = event::TrafficClass::marmot;
    auto wrong_position = published(3, 20'001, 9);
    a.mesh->publish(std::vector{bad_signature, wrong_lane, wrong_position, honest});
    // Lanes have no order between them; each of the four is either taken or counted.
    const auto refused = [&b](const char* reason) {
        return b.registry
            .counter("parrhesia_mesh_refused_events_total",
                     "Events of peers that no honest node sends", {{"reason", reason}})
            .value();
    };
    ASSERT_TRUE(wait_for([&] {
        return b.sink.count() == 1 && refused("signature") == 1 && refused("lane") == 1 &&
               refused("position") == 1;
    }));
    const std::scoped_lock lock(b.sink.mutex);
    EXPECT_EQ(b.sink.received.at(0).event->json(), honest.event->json());
}

}  // namespace
}  // namespace parrhesia::mesh
