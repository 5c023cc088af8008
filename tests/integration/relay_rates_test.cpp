// Messages that come too fast, queries that cost too much, and writes to a disk that is nearly
// full.

#include "integration/support/relay_process.hpp"
#include "integration/support/ws_client.hpp"
#include "support/event_generator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace parrhesia::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

event::EventPtr note(const std::string& content, event::Kind kind = 1) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return make_event(
        "alice",
        {std::chrono::duration_cast<std::chrono::seconds>(now).count(), kind, {}, content});
}

std::string publish(WsClient& client, const event::EventPtr& event) {
    client.send("[\"EVENT\"," + std::string(event->json()) + "]");
    return client.receive().value_or("nothing");
}

// The first answer that contains `part`, or the last of many: on a machine that stands still for a
// second, the second message is not too fast.
template <class Ask>
std::string ask_until(const char* part, Ask ask) {
    std::string answer;
    for (int i = 0; i < 50 && answer.find(part) == std::string::npos; ++i) answer = ask(i);
    return answer;
}

std::string refusals(const char* reason) {
    return "parrhesia_rate_limited_total{reason=\"" + std::string(reason) + "\"}";
}

TEST(Rates, EventsAboveTheRateAreRefusedAndCounted) {
    RelayProcess relay({"rates.event_connection=1/s burst 1"});
    WsClient client(relay.port());
    EXPECT_THAT(publish(client, note("1")), HasSubstr(",true,"));
    EXPECT_THAT(
        ask_until("false",
                  [&](int i) { return publish(client, note("more " + std::to_string(i))); }),
        HasSubstr(R"(,false,"rate-limited: 1 EVENT per second on this connection; try)"));
    EXPECT_EQ(relay.metric(refusals("event_connection")), 1);
}

TEST(Rates, AnAddressCannotEscapeByNewConnections) {
    RelayProcess relay({"rates.req_ip=1/s burst 1"});
    const auto ask = [&](int) {
        WsClient client(relay.port());
        client.send(R"(["REQ","s",{"limit":0}])");
        return client.receive().value_or("");
    };
    EXPECT_THAT(ask(0), StartsWith(R"(["EOSE","s")"));
    EXPECT_THAT(ask_until("CLOSED", ask),
                StartsWith(R"(["CLOSED","s","rate-limited: 1 REQ per second from this address)"));
}

TEST(Rates, DuplicatesDoNotUseUpTheirAuthorsRate) {
    RelayProcess relay({"rates.event_pubkey=1/s burst 2"});
    WsClient client(relay.port());
    const auto old = note("old");
    for (int i = 0; i < 10; ++i) EXPECT_THAT(publish(client, old), HasSubstr(",true,"));
    EXPECT_THAT(publish(client, note("new")), HasSubstr(",true,"));
    EXPECT_THAT(
        ask_until("rate-limited: ",
                  [&](int i) { return publish(client, note("newer " + std::to_string(i))); }),
        HasSubstr("rate-limited: "));
}

TEST(Rates, ExemptNetworksAreSpared) {
    RelayProcess relay({"rates.event_connection=1/s burst 1", "rates.event_pubkey=1/s burst 1",
                        "limits.exempt=127.0.0.0/8"});
    WsClient client(relay.port());
    for (const char* content : {"1", "2", "3"}) {
        EXPECT_THAT(publish(client, note(content)), HasSubstr(",true,"));
    }
}

TEST(QueryCosts, AQueryThatIsTooDearIsRefusedBeforeItRuns) {
    RelayProcess relay({"rates.max_query_cost=1000"});
    WsClient client(relay.port());
    client.send(R"(["REQ","s",{"limit":5000}])");
    EXPECT_THAT(client.receive().value_or(""),
                StartsWith(R"(["CLOSED","s","invalid: the query would cost about)"));
    client.send(R"(["REQ","s",{"limit":10}])");
    EXPECT_THAT(client.receive().value_or(""), StartsWith(R"(["EOSE","s")"));
}

TEST(QueryCosts, QueriesThatWaitForTheirTurnAllGetTheirAnswer) {
    RelayProcess relay({"rates.queries_per_connection=1", "rates.response_bytes=1048576"});
    WsClient client(relay.port());
    for (int i = 0; i < 100; ++i) {
        client.send("[\"REQ\",\"" + std::to_string(i) + "\",{\"kinds\":[1]}]");
    }
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(client.receive()->starts_with("[\"EOSE\",\"" + std::to_string(i) + "\""));
    }
}

TEST(DiskReserve, RefusesWhatItWouldStoreAndNothingElse) {
    RelayProcess relay({"store.disk_reserve_bytes=1125899906842624"});
    WsClient client(relay.port());
    EXPECT_THAT(publish(client, note("1")),
                HasSubstr(",false,\"error: the relay's disk is nearly full: "));
    EXPECT_THAT(publish(client, note("2", 20001)), HasSubstr(",true,"));
}

}  // namespace
}  // namespace parrhesia::test
