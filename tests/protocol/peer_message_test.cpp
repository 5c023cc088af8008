#include "parrhesia/protocol/peer_message.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parrhesia::protocol {
namespace {

template <class Bytes>
Bytes filled(std::uint8_t byte) {
    Bytes bytes;
    bytes.bytes.fill(byte);
    return bytes;
}

Hello some_hello() {
    Hello hello;
    hello.protocol_min = 1;
    hello.protocol_max = 2;
    hello.features = 3;
    hello.cluster = "eu";
    hello.node = filled<base::NodeId>(0x11);
    hello.boot = 4;
    hello.address = "a:1";
    hello.software = "s";
    hello.topology = Topology::shared;
    hello.log_id = "l";
    hello.key = filled<KeyId>(0x22);
    hello.nonce = filled<Nonce>(0x33);
    hello.heartbeat_ms = 1000;
    hello.max_frame = 65536;
    return hello;
}

// Every shorter payload is refused, and known extensions are not needed to skip one.
template <class Parse>
void expect_exact(const std::string& payload, Parse parse) {
    ASSERT_TRUE(parse(payload));
    for (std::size_t size = 0; size < payload.size(); ++size) {
        EXPECT_FALSE(parse(std::string_view(payload).substr(0, size))) << size;
    }
    using namespace std::string_literals;
    EXPECT_TRUE(parse(payload + "\0\x05\0\x02xy"s));
    EXPECT_FALSE(parse(payload + "\0\x05\0\x03xy"s)) << "an extension that is cut off";
    EXPECT_FALSE(parse(payload + "\0"s));
}

// As a relay of another version would see it: this text changes only with the protocol.
TEST(PeerMessage, HelloStandsOnTheWireAsDocumented) {
    const std::string payload = encode_hello(some_hello());
    std::string hex;
    base::append_hex(hex, {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()});
    EXPECT_EQ(hex,
              "4e52433100010002000000000000000300026575"
              "11111111111111111111111111111111"
              "00000000000000040003613a310001730100016c2222222222222222"
              "3333333333333333333333333333333333333333333333333333333333333333"
              "000003e800010000");
}

TEST(PeerMessage, AnEventStandsInABatchAsDocumented) {
    std::string payload;
    append_batch_head(payload, {1, 2, 3, 1});
    payload += encode_batched_event(filled<base::Id>(0xaa), base::Position{5}, "{}");
    std::string hex;
    base::append_hex(hex, {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()});
    EXPECT_EQ(hex,
              "000000000000000100000002000000030001"
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              "000000000000000005000000027b7d");
}

TEST(PeerMessage, ComesBackAsItWas) {
    EXPECT_EQ(parse_hello(encode_hello(some_hello())), some_hello());
    const HelloAck ack{filled<Mac>(7), 2, some_hello()};
    EXPECT_EQ(parse_hello_ack(encode_hello_ack(ack)), ack);
    EXPECT_EQ(parse_auth(encode_auth(filled<Mac>(7))), filled<Mac>(7));
    const PeerError error{PeerErrorCode::bad_log, "why", 60};
    EXPECT_EQ(parse_error(encode_error(error)), error);
    const std::vector<ListedPeer> peers{
        {filled<base::NodeId>(1), 2, "b:3", PeerState::up},
        {filled<base::NodeId>(4), 5, "", PeerState::left},
    };
    EXPECT_EQ(parse_peers(encode_peers(peers)), peers);
    Heartbeat heartbeat{1, 2, 3, 4, {filled<base::NodeId>(5)}, {}, 6, 7};
    heartbeat.lanes[2] = {8, true};
    EXPECT_EQ(parse_heartbeat(encode_heartbeat(heartbeat)), heartbeat);
    const Gap gap{1, {2}, {3}};
    EXPECT_EQ(parse_gap(encode_gap(gap)), gap);
    const Ack done{1, 2};
    EXPECT_EQ(parse_ack(encode_ack(done)), done);
    const Goodbye goodbye{GoodbyeReason::upgrade, 5};
    EXPECT_EQ(parse_goodbye(encode_goodbye(goodbye)), goodbye);
}

TEST(PeerMessage, WhatIsCutOffIsRefused) {
    expect_exact(encode_hello(some_hello()), parse_hello);
    expect_exact(encode_hello_ack({filled<Mac>(7), 2, some_hello()}), parse_hello_ack);
    expect_exact(encode_auth(filled<Mac>(7)), parse_auth);
    expect_exact(encode_error({PeerErrorCode::auth, "why", 1}), parse_error);
    expect_exact(encode_peers({{filled<base::NodeId>(1), 2, "b:3", PeerState::up}}), parse_peers);
    expect_exact(encode_heartbeat({1, 2, 3, 4, {filled<base::NodeId>(5)}, {}, 6, 7}),
                 parse_heartbeat);
    expect_exact(encode_gap({1, {2}, {3}}), parse_gap);
    expect_exact(encode_ack({1, 2}), parse_ack);
    expect_exact(encode_goodbye({GoodbyeReason::drain, 5}), parse_goodbye);
}

TEST(PeerMessage, TheMacCoversTheRestOfHelloAck) {
    HelloAck ack{filled<Mac>(1), 2, some_hello()};
    const std::string first = encode_hello_ack(ack);
    ack.mac = filled<Mac>(9);
    const std::string second = encode_hello_ack(ack);
    EXPECT_EQ(authenticated_part(first), authenticated_part(second));
    EXPECT_EQ(authenticated_part(first).size(), first.size() - 32);
    EXPECT_EQ(authenticated_part("short"), "");
}

TEST(PeerMessage, BoundsOfTextsAndListsHold) {
    Hello hello = some_hello();
    hello.cluster = std::string(kMaxClusterName, 'c');
    EXPECT_EQ(parse_hello(encode_hello(hello)), hello);
    std::string payload = encode_hello(hello);
    payload[4 + 12 + 1] = static_cast<char>(kMaxClusterName + 1);
    EXPECT_FALSE(parse_hello(payload));
    EXPECT_FALSE(parse_peers("\xff\xff"));
    EXPECT_FALSE(parse_peers(std::string("\x01\x01", 2) + std::string(100'000, '\0')));
}

TEST(PeerMessage, AnUnknownTopologyOrMagicIsRefused) {
    std::string payload = encode_hello(some_hello());
    payload[0] = 'X';
    EXPECT_FALSE(parse_hello(payload));
    Hello hello = some_hello();
    hello.topology = static_cast<Topology>(9);
    EXPECT_FALSE(parse_hello(encode_hello(hello)));
}

TEST(PeerMessage, ABatchHoldsWhatItSays) {
    std::string payload;
    append_batch_head(payload, {1, 0, 0, 2});
    payload += encode_batched_event(filled<base::Id>(1), base::Position{5}, "{}");
    EXPECT_FALSE(parse_event_batch(payload)) << "one is missing";
    payload += encode_batched_event(filled<base::Id>(2), base::Position{0}, "");
    const auto batch = parse_event_batch(payload);
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->events[0].json, "{}");
    EXPECT_EQ(batch->events[0].position.seq, 5U);
    EXPECT_EQ(batch->events[1].id, filled<base::Id>(2));
    EXPECT_FALSE(parse_event_batch(payload + "x")) << "something follows";
    for (std::size_t size = 0; size < payload.size(); ++size) {
        EXPECT_FALSE(parse_event_batch(std::string_view(payload).substr(0, size)));
    }
    std::string many;
    append_batch_head(many, {1, 0, 0, 65535});
    EXPECT_FALSE(parse_event_batch(many)) << "before room is made for so many";
}

}  // namespace
}  // namespace parrhesia::protocol
