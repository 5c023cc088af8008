// The network of the tests of clusters does what it says, or they would prove nothing.
#include "support/chaos_proxy.hpp"

#include "integration/support/process.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace parrhesia::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// A blocking socket that gives up after a minute.
class Stream {
  public:
    explicit Stream(int socket) : socket_(socket) {
        const timeval limit{60, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    }
    ~Stream() { close(); }
    Stream(Stream&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
    Stream& operator=(Stream&&) = delete;

    void close() {
        if (socket_ >= 0) ::close(std::exchange(socket_, -1));
    }
    void send(const std::string& bytes) const {
        ASSERT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    // As many as that, or what came before the end.
    [[nodiscard]] std::string receive(std::size_t bytes) const {
        std::string all(bytes, '\0');
        const ssize_t got = ::recv(socket_, all.data(), bytes, MSG_WAITALL);
        all.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        return all;
    }
    // "fin", "rst", or what else came.
    [[nodiscard]] std::string end() const {
        std::array<char, 4096> more{};
        const ssize_t got = ::recv(socket_, more.data(), more.size(), 0);
        if (got == 0) return "fin";
        if (got > 0) return "more";
        return errno == ECONNRESET ? "rst" : "nothing";
    }
    [[nodiscard]] bool has_input() const {
        char byte = 0;
        return ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
    }
    // Until it would block.
    [[nodiscard]] std::size_t fill() const {
        const std::string chunk(4096, 'x');
        std::size_t total = 0;
        for (;;) {
            const ssize_t sent =
                ::send(socket_, chunk.data(), chunk.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0) return total;
            total += static_cast<std::size_t>(sent);
        }
    }

  private:
    int socket_;
};

class ChaosProxyTest : public ::testing::Test {
  protected:
    ChaosProxyTest() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
        ::listen(listener, 16);
        socklen_t size = sizeof(address);
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
        target_port = ntohs(address.sin_port);
    }
    ~ChaosProxyTest() override { ::close(listener); }

    // The error of connect(); 0: connected.
    static std::pair<int, int> try_connect(std::uint16_t port) {
        const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int result =
            ::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
        return {made, result == 0 ? 0 : errno};
    }
    static Stream connect(std::uint16_t port) {
        const auto [made, error] = try_connect(port);
        EXPECT_EQ(error, 0) << std::generic_category().message(error);
        return Stream(made);
    }
    [[nodiscard]] Stream accept() const {
        const timeval limit{60, 0};
        ::setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        return Stream(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    }

    int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::uint16_t target_port = 0;
};

// A connection through a proxy, and both its ends.
class ChaosConnectionTest : public ChaosProxyTest {
  protected:
    static constexpr std::uint64_t kSeed = 7;

    [[nodiscard]] ChaosCounters::Bytes to_target() const {
        return proxy.counters().of(Direction::to_target);
    }

    ChaosProxy proxy{"127.0.0.1", target_port, kSeed};
    Stream client = connect(proxy.port());
    Stream target = accept();
};

TEST_F(ChaosConnectionTest, WithoutAFaultItPassesWhatComesAndCountsIt) {
    const std::string text(100'000, 'a');
    std::thread sender([&] { client.send(text); });
    EXPECT_EQ(target.receive(text.size()), text);
    sender.join();
    target.send("answer");
    EXPECT_EQ(client.receive(6), "answer");

    const ChaosCounters counters = proxy.counters();
    EXPECT_EQ(counters.accepted, 1U);
    EXPECT_EQ(counters.open, 1U);
    EXPECT_EQ(counters.of(Direction::to_target).taken, text.size());
    EXPECT_EQ(counters.of(Direction::to_target).passed, text.size());
    EXPECT_EQ(counters.of(Direction::to_client).passed, 6U);
}

TEST_F(ChaosConnectionTest, TheEndOfOneDirectionIsPassedOnAndTheOtherGoesOn) {
    client.send("last");
    client.close();
    EXPECT_EQ(target.receive(100), "last");
    EXPECT_EQ(target.end(), "fin");
    target.close();
    EXPECT_TRUE(becomes([&] { return proxy.counters().open == 0; }));
}

TEST_F(ChaosConnectionTest, BytesComeLateAndInOrderWithLatencyAndJitter) {
    proxy.set(Direction::to_target, {.latency = 50ms, .jitter = 50ms});
    const auto start = Clock::now();
    std::string sent;
    for (char letter = 'a'; letter <= 'z'; ++letter) {
        client.send(std::string(1, letter));
        sent += letter;
    }
    EXPECT_EQ(target.receive(sent.size()), sent);
    EXPECT_GE(Clock::now() - start, 50ms);
    // The other direction is as before.
    target.send("x");
    EXPECT_EQ(client.receive(1), "x");
}

TEST_F(ChaosConnectionTest, ARateHoldsBackWhatIsAboveIt) {
    proxy.set(Direction::to_target, {.bytes_per_second = 100'000});
    const auto start = Clock::now();
    client.send(std::string(30'000, 'a'));
    EXPECT_EQ(target.receive(30'000).size(), 30'000U);
    EXPECT_GE(Clock::now() - start, 250ms);
}

TEST_F(ChaosConnectionTest, AStallIsFeltByTheSenderAndLosesNothing) {
    proxy.set(Direction::to_target, {.stall = true});
    const std::size_t sent = client.fill();
    EXPECT_GT(sent, 0U);
    EXPECT_EQ(to_target().taken, 0U);
    EXPECT_FALSE(target.has_input());
    proxy.heal();
    EXPECT_EQ(target.receive(sent).size(), sent);
}

TEST_F(ChaosConnectionTest, ABlackholeTakesEverythingAndTheConnectionStaysHalfOpen) {
    proxy.set(Direction::to_target, {.blackhole = true});
    client.send("lost");
    EXPECT_TRUE(becomes([&] { return to_target().dropped == 4; }));
    // The other direction still works; the end of this one is not heard of.
    target.send("x");
    EXPECT_EQ(client.receive(1), "x");
    client.close();
    target.send("to nobody");
    EXPECT_TRUE(becomes([&] { return proxy.counters().of(Direction::to_client).taken == 1 + 9; }));
    EXPECT_FALSE(target.has_input());
    EXPECT_EQ(proxy.counters().open, 1U);
    target.close();
    EXPECT_TRUE(becomes([&] { return proxy.counters().open == 0; }));
}

TEST_F(ChaosConnectionTest, WhatABlackholeHasTornStaysTornAndIsResetWhenItHeals) {
    proxy.set({.blackhole = true});
    client.send("lost");
    EXPECT_TRUE(becomes([&] { return to_target().dropped == 4; }));
    proxy.set({});
    client.send("more");
    EXPECT_TRUE(becomes([&] { return to_target().dropped == 8; }));
    EXPECT_FALSE(target.has_input());
    proxy.heal();
    EXPECT_EQ(client.end(), "rst");
    EXPECT_EQ(target.end(), "rst");
}

TEST_F(ChaosConnectionTest, ABlackholeHarmsNoConnectionThatSaysNothing) {
    proxy.set({.blackhole = true});
    proxy.heal();
    client.send("whole");
    EXPECT_EQ(target.receive(5), "whole");
}

TEST_F(ChaosConnectionTest, ACutEndsBothSidesInTheWayThatIsAskedFor) {
    proxy.cut(Ending::rst);
    EXPECT_EQ(client.end(), "rst");
    EXPECT_EQ(target.end(), "rst");

    const Stream second = connect(proxy.port());
    const Stream second_target = accept();
    proxy.cut(Ending::fin);
    EXPECT_EQ(second.end(), "fin");
    EXPECT_EQ(second_target.end(), "fin");
    EXPECT_EQ(proxy.counters().cut, 2U);
    EXPECT_EQ(proxy.counters().open, 0U);
}

TEST_F(ChaosConnectionTest, APlannedCutComesAfterExactlySoManyBytesAndOnlyOnce) {
    proxy.cut_after(Direction::to_target, 1000, Ending::fin);
    client.send(std::string(5000, 'a'));
    EXPECT_EQ(target.receive(5000).size(), 1000U);
    EXPECT_EQ(proxy.counters().cut, 1U);

    const Stream second = connect(proxy.port());
    const Stream second_target = accept();
    second.send(std::string(5000, 'a'));
    EXPECT_EQ(second_target.receive(5000).size(), 5000U);
}

TEST_F(ChaosConnectionTest, CorruptionFlipsSingleBitsAsOftenAsAskedFor) {
    proxy.set(Direction::to_target, {.corrupt_every = 1000});
    const std::string text(100'000, 'a');
    std::thread sender([&] { client.send(text); });
    const std::string got = target.receive(text.size());
    sender.join();
    ASSERT_EQ(got.size(), text.size());
    std::size_t wrong = 0;
    for (const char c : got) {
        if (c == 'a') continue;
        ++wrong;
        EXPECT_EQ(std::popcount(static_cast<unsigned>(c ^ 'a') & 0xff), 1);
    }
    EXPECT_EQ(wrong, to_target().flipped_bits);
    EXPECT_GT(wrong, 50U);
    EXPECT_LT(wrong, 200U);
}

TEST_F(ChaosProxyTest, TheSameSeedCorruptsTheSameBytes) {
    const auto corrupted = [this](std::uint64_t seed) {
        ChaosProxy proxy("127.0.0.1", target_port, seed);
        proxy.set({.corrupt_every = 100});
        const Stream client = connect(proxy.port());
        const Stream target = accept();
        client.send(std::string(5000, 'a'));
        return target.receive(5000);
    };
    const std::string once = corrupted(3);
    EXPECT_EQ(once.size(), 5000U);
    EXPECT_EQ(corrupted(3), once);
    EXPECT_NE(corrupted(4), once);
}

TEST_F(ChaosConnectionTest, NewConnectionsAreRefusedWhileTheOldOneStays) {
    proxy.refuse(true);
    const auto [refused, error] = try_connect(proxy.port());
    ::close(refused);
    EXPECT_EQ(error, ECONNREFUSED);
    client.send("still here");
    EXPECT_EQ(target.receive(10), "still here");

    proxy.heal();
    const Stream second = connect(proxy.port());
    const Stream second_target = accept();
    second.send("again");
    EXPECT_EQ(second_target.receive(5), "again");
}

TEST_F(ChaosProxyTest, ATargetThatIsNotThereIsAReset) {
    ::close(std::exchange(listener, ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    const ChaosProxy proxy("127.0.0.1", target_port);
    const Stream client = connect(proxy.port());
    EXPECT_EQ(client.end(), "rst");
    EXPECT_EQ(proxy.counters().failed, 1U);
}

}  // namespace
}  // namespace parrhesia::test
