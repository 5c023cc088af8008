// Nodes on real sockets of this machine, driven by one thread.
#include "mesh/tcp_transport.hpp"

#include "parrhesia/base/log.hpp"
#include "parrhesia/base/metrics.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace parrhesia::mesh {
namespace {

using namespace std::chrono_literals;
using protocol::Lane;

Keyring keyring_of(std::uint8_t byte) {
    std::array<std::uint8_t, 32> secret{};
    secret.fill(byte);
    return Keyring(SharedKey::derive(secret));
}

base::SteadyTime now() { return std::chrono::steady_clock::now(); }

class TestNode final : public RemoteEvents {
  public:
    TestNode(asio::io_context& context, std::uint8_t number, Tls tls, Keyring keyring)
        : keyring_(std::move(keyring)),
          transport_(context, options_of(tls), keyring_),
          node_(node_options(number), transport_, *this, metrics_, now()),
          timer_(context) {
        transport_.start(node_);
        tick();
    }

    void on_batch(std::uint64_t link, Lane lane, const protocol::EventBatch& batch,
                  std::size_t bytes) override {
        for (const auto& event : batch.events) ++received[event.position.seq];
        node_.acknowledge(link, lane, batch.events.size(), bytes);
    }
    void on_peers_up(std::size_t) override {}
    void know(const TestNode& other) {
        node_.add_target(other.address(), Origin::configured, now());
    }
    void publish(std::uint64_t number, std::size_t size) {
        auto event = std::make_shared<OutgoingEvent>();
        event->bytes = protocol::encode_batched_event(base::Id{}, base::Position{number},
                                                      std::string(size, 'j'));
        event->position = base::Position{number};
        event->published_at = now();
        node_.publish(event);
    }
    [[nodiscard]] std::string address() const {
        return "127.0.0.1:" + std::to_string(transport_.port());
    }
    [[nodiscard]] Node& node() noexcept { return node_; }
    [[nodiscard]] std::uint16_t port() const { return transport_.port(); }
    [[nodiscard]] std::uint64_t refusals(const std::string& code) {
        return metrics_.refusals(code).value();
    }

    std::map<std::uint64_t, int> received;

  private:
    static TcpOptions options_of(Tls tls) {
        TcpOptions options;
        options.port = 0;
        options.tls.mode = tls;
        return options;
    }
    NodeOptions node_options(std::uint8_t number) {
        NodeOptions options;
        options.link.keyring = &keyring_;
        options.link.self.cluster = "test";
        options.link.self.node.bytes.fill(number);
        options.link.self.boot = 1;
        options.link.self.address = address();
        options.link.checksums = true;
        options.seed = number;
        return options;
    }
    void tick() {
        node_.on_tick(now());
        timer_.expires_after(20ms);
        timer_.async_wait([this](const error_code& error) {
            if (!error) tick();
        });
    }

    const Keyring keyring_;
    base::MetricsRegistry registry_;
    MeshMetrics metrics_{registry_};
    TcpTransport transport_;
    Node node_;
    asio::steady_timer timer_;
};

class TcpTransportTest : public testing::TestWithParam<Tls> {
  protected:
    static void SetUpTestSuite() {
        base::log::configure(base::log::Level::error, base::log::Format::text);
    }
    TestNode& add(std::uint8_t number, std::uint8_t key = 1) {
        nodes_.push_back(std::make_unique<TestNode>(context_, number, GetParam(), keyring_of(key)));
        return *nodes_.back();
    }
    [[nodiscard]] bool wait_for(const std::function<bool()>& condition) {
        for (const auto end = now() + 60s; now() < end;) {
            if (condition()) return true;
            context_.run_for(5ms);
        }
        return condition();
    }

    asio::io_context context_{1};  // outlives the sockets
    std::vector<std::unique_ptr<TestNode>> nodes_;
};

TEST_P(TcpTransportTest, NodesFindEachOtherAndPassEventsOn) {
    for (std::uint8_t number = 1; number <= 3; ++number) add(number);
    nodes_[0]->know(*nodes_[1]);
    nodes_[2]->know(*nodes_[1]);
    ASSERT_TRUE(wait_for([&] {
        return std::ranges::all_of(nodes_,
                                   [](const auto& node) { return node->node().peers_up() == 2; });
    }));
    for (std::uint64_t i = 1; i <= 2000; ++i) nodes_[0]->publish(i, i * 10);
    for (const std::size_t receiver : {1U, 2U}) {
        ASSERT_TRUE(wait_for([&] { return nodes_[receiver]->received.size() == 2000; }));
        for (const auto& [number, times] : nodes_[receiver]->received) ASSERT_EQ(times, 1);
    }
}

TEST_P(TcpTransportTest, AnotherKeyIsNotLetIn) {
    TestNode& inside = add(1, 1);
    TestNode& outside = add(2, 9);
    outside.know(inside);
    // Each side has refused, or been refused, or has lost the connection: not once, but for good.
    std::size_t rounds = 0;
    ASSERT_TRUE(wait_for([&] { return ++rounds > 200; }));
    EXPECT_EQ(inside.node().peers_up(), 0U);
    EXPECT_EQ(outside.node().peers_up(), 0U);
    // Both have counted it, and it is not tried at every turn: at most once more before a minute.
    const std::string code = GetParam() == Tls::off ? "auth" : "tls";
    EXPECT_GE(inside.refusals(code), 1U);
    EXPECT_GE(outside.refusals(code), 1U);
    EXPECT_LE(inside.refusals(code), 2U);
}

TEST_P(TcpTransportTest, GoodbyeEndsTheConnectionAfterWhatWaits) {
    TestNode& first = add(1);
    TestNode& second = add(2);
    first.know(second);
    ASSERT_TRUE(wait_for([&] { return first.node().peers_up() == 1; }));
    ASSERT_TRUE(wait_for([&] { return second.node().peers_up() == 1; }));
    for (std::uint64_t i = 1; i <= 500; ++i) first.publish(i, 700);
    first.node().leave(protocol::GoodbyeReason::shutdown, now());
    ASSERT_TRUE(wait_for([&] { return first.node().has_left(); }));
    ASSERT_TRUE(wait_for([&] { return second.node().peers_up() == 0; }));
    EXPECT_EQ(second.received.size(), 500U);
    EXPECT_EQ(second.node().status(now()).peers.at(0).state, "left");
}

TEST_P(TcpTransportTest, NoiseOnThePortHarmsNobody) {
    TestNode& first = add(1);
    asio::io_context noise_context;
    tcp::socket noise(noise_context);
    noise.connect(tcp::endpoint(asio::ip::address_v4::loopback(), first.port()));
    asio::write(noise, asio::buffer(std::string(100'000, 'x')));
    TestNode& second = add(2);
    second.know(first);
    ASSERT_TRUE(wait_for([&] { return first.node().peers_up() == 1; }));
}

INSTANTIATE_TEST_SUITE_P(Modes, TcpTransportTest, testing::Values(Tls::off, Tls::psk),
                         [](const auto& mode) { return mode.param == Tls::off ? "Plain" : "Psk"; });

TEST(TcpTransport, AnAddressThatIsTakenIsNamedWithTheRemedy) {
    asio::io_context context;
    const Keyring keyring = keyring_of(1);
    TcpOptions options;
    options.port = 0;
    options.tls.mode = Tls::off;
    const TcpTransport first(context, options, keyring);
    options.port = first.port();
    try {
        const TcpTransport second(context, options, keyring);
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("set cluster.listen to"));
    }
}

}  // namespace
}  // namespace parrhesia::mesh
