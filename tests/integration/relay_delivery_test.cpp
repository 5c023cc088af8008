// Live delivery over real sockets: the REQ boundary, slow readers, compression.

#include "integration/support/relay_process.hpp"
#include "integration/support/ws_client.hpp"
#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <thread>

namespace parrhesia::test {
namespace {

std::string publish(int number, std::size_t bytes) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto event =
        make_event("alice", {std::chrono::duration_cast<std::chrono::seconds>(now).count(),
                             1,
                             {},
                             std::to_string(number) + ":" + std::string(bytes, 'x')});
    return "[\"EVENT\"," + std::string(event->json()) + "]";
}

TEST(Delivery, EverySubscriptionGetsEveryEventExactlyOnceWhilePublishing) {
    constexpr int kEvents = 500;
    constexpr int kSubscriptions = 20;
    RelayProcess relay;
    std::thread publisher([&relay] {
        WsClient client(relay.port());
        for (int i = 0; i < kEvents; ++i) {
            client.send(publish(i, 100));
            ASSERT_TRUE(client.receive());
        }
    });
    WsClient subscriber(relay.port());
    std::map<std::string, int> times;
    std::size_t received = 0;
    std::size_t eose = 0;
    for (int i = 0; i < kSubscriptions; ++i) {
        subscriber.send("[\"REQ\",\"s" + std::to_string(i) + "\",{\"kinds\":[1],\"limit\":5000}]");
        // The next one opens while the publisher goes on: at another point of its way each time.
        for (std::size_t until = eose + 1; eose < until;) {
            const auto message = subscriber.receive();
            ASSERT_TRUE(message);
            if (message->starts_with("[\"EOSE\"")) {
                ++eose;
            } else {
                ++times[*message];
                ++received;
            }
        }
    }
    while (received < std::size_t{kEvents} * kSubscriptions) {
        const auto message = subscriber.receive();
        ASSERT_TRUE(message) << received;
        ++times[*message];
        ++received;
    }
    publisher.join();
    EXPECT_EQ(times.size(), std::size_t{kEvents} * kSubscriptions);
    for (const auto& [message, count] : times) ASSERT_EQ(count, 1) << message;
    EXPECT_EQ(relay.terminate(), 0);
}

TEST(Delivery, ASlowReaderIsCutOffAndCostsTheOthersNothing) {
    constexpr int kEvents = 800;
    constexpr std::size_t kBytes = 20'000;
    RelayProcess relay({"limits.unsent_bytes=4194304"});
    WsClient slow(relay.port(), {.receive_buffer_bytes = 4096});
    WsClient quick(relay.port());
    for (WsClient* client : {&slow, &quick}) {
        client->send(R"(["REQ","s",{"kinds":[1]}])");
        ASSERT_FALSE(client->receive_until("EOSE").empty());
    }
    std::thread publisher([&relay] {
        WsClient client(relay.port());
        for (int i = 0; i < kEvents; ++i) {
            client.send(publish(i, kBytes));
            ASSERT_TRUE(client.receive());
        }
    });
    for (int i = 0; i < kEvents; ++i) {
        const auto message = quick.receive();
        ASSERT_TRUE(message) << i;
        EXPECT_TRUE(message->starts_with("[\"EVENT\",\"s\""));
    }
    publisher.join();
    EXPECT_TRUE(relay.metric_becomes("parrhesia_refusals_total{reason=\"slow_reader\"}", 1));
    // Nothing of it stays behind; and what the slow one had not read was at most its limit.
    EXPECT_TRUE(relay.metric_becomes("parrhesia_connections", 1));
    EXPECT_TRUE(relay.metric_becomes("parrhesia_send_queue_bytes", 0));
    EXPECT_EQ(relay.terminate(), 0);
}

TEST(Delivery, ASlowReaderThatReadsInTheEndFindsClosedAndTheCloseCode) {
    RelayProcess relay({"limits.unsent_bytes=4194304"});
    WsClient slow(relay.port(), {.receive_buffer_bytes = 4096});
    slow.send(R"(["REQ","s",{"kinds":[1]}])");
    ASSERT_FALSE(slow.receive_until("EOSE").empty());
    WsClient client(relay.port());
    int number = 0;
    while (relay.metric("parrhesia_refusals_total{reason=\"slow_reader\"}") == 0) {
        ASSERT_LT(number, 2000);
        client.send(publish(number++, 20'000));
        ASSERT_TRUE(client.receive());
    }
    const auto messages = slow.receive_until("[\"CLOSED\",\"s\",\"error: ");
    ASSERT_FALSE(messages.empty());
    EXPECT_TRUE(messages.back().starts_with("[\"CLOSED\",\"s\""));
    EXPECT_TRUE(slow.wait_for_end());
    EXPECT_EQ(slow.close_code(), 1008U);
}

TEST(Delivery, AFloodOfBinaryMessagesWithoutReadingIsCutOff) {
    RelayProcess relay({"limits.unsent_bytes=4194304"});
    WsClient slow(relay.port(), {.receive_buffer_bytes = 4096});
    for (int i = 0; i < 500'000; ++i) {
        try {
            slow.send_binary("");
        } catch (const boost::system::system_error&) {
            break;  // cut off while it was still sending
        }
        if (i % 20'000 != 0) continue;
        if (relay.metric("parrhesia_refusals_total{reason=\"slow_reader\"}") == 1) break;
    }
    EXPECT_TRUE(relay.metric_becomes("parrhesia_refusals_total{reason=\"slow_reader\"}", 1));
    EXPECT_TRUE(relay.metric_becomes("parrhesia_connections", 0));
}

TEST(Delivery, AStoredResultLargerThanAllBuffersReachesAClientThatReadsSlowly) {
    constexpr int kEvents = 500;
    RelayProcess relay({"limits.unsent_bytes=4194304"});
    WsClient client(relay.port());
    for (int i = 0; i < kEvents; ++i) {
        client.send(publish(i, 20'000));
        ASSERT_TRUE(client.receive());
    }
    WsClient reader(relay.port(), {.receive_buffer_bytes = 4096});
    reader.send(R"(["REQ","s",{"kinds":[1],"limit":5000}])");
    EXPECT_EQ(reader.receive_until("EOSE").size(), std::size_t{kEvents} + 1);
    EXPECT_EQ(relay.metric("parrhesia_refusals_total{reason=\"slow_reader\"}"), 0);
}

TEST(Delivery, CompressionIsNegotiatedWhenOffered) {
    RelayProcess relay({"relay.compression=true"});
    WsClient client(relay.port(), {.compression = true});
    WsClient plain(relay.port());
    for (WsClient* each : {&client, &plain}) {
        each->send(R"(["REQ","s",{"kinds":[1]}])");
        ASSERT_TRUE(each->receive()->starts_with("[\"EOSE\",\"s\""));
    }
    const std::string event = publish(1, 10'000);
    client.send(event);
    const std::string expected = "[\"EVENT\",\"s\"," + event.substr(9);
    EXPECT_EQ(client.receive_until("[\"EVENT\"").back(), expected);
    EXPECT_EQ(plain.receive(), expected);
    EXPECT_LT(relay.metric("parrhesia_sent_bytes_total"), 15'000);
}

}  // namespace
}  // namespace parrhesia::test
