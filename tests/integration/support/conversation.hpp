// Talking to relays: events, answers, what is stored.
#pragma once

#include "parrhesia/base/bytes.hpp"

#include "integration/support/process.hpp"
#include "integration/support/ws_client.hpp"
#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::test {

using event::EventPtr;
using event::Kind;
using Tags = std::vector<std::vector<std::string>>;

[[nodiscard]] inline std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// Differs from every other event.
[[nodiscard]] inline EventPtr new_event(Kind kind = 1, const Tags& tags = {},
                                        std::string_view author = "alice",
                                        std::int64_t created_at = now()) {
    static std::atomic<int> count{0};
    return make_event(author, {created_at, kind, tags, "number " + std::to_string(++count)});
}

[[nodiscard]] inline std::string id_of(const EventPtr& event) { return base::to_hex(event->id()); }

// Empty when the message is no event.
[[nodiscard]] inline std::string id_in(const std::string& message) {
    constexpr std::string_view kBefore = "{\"id\":\"";
    const std::size_t at = message.find(kBefore);
    return at == std::string::npos ? "" : message.substr(at + kBefore.size(), 64);
}

[[nodiscard]] inline std::string publication(const EventPtr& event) {
    return "[\"EVENT\"," + std::string(event->json()) + "]";
}

[[nodiscard]] inline std::string ok_of(const EventPtr& event, std::string_view rest) {
    return "[\"OK\",\"" + id_of(event) + "\"," + std::string(rest);
}

[[nodiscard]] inline std::string publish(WsClient& client, const EventPtr& event) {
    client.send(publication(event));
    return client.receive().value_or("nothing");
}

// The database was away: until it is taken, as clients do.
[[nodiscard]] inline bool publish_until_taken(WsClient& client, const EventPtr& event) {
    return becomes([&] { return publish(client, event).starts_with(ok_of(event, "true,")); });
}

// What the relay answers to a query first: an event, EOSE or CLOSED.
[[nodiscard]] inline std::string first_answer(std::uint16_t port, const std::string& message) {
    WsClient client(port);
    client.send(message);
    return client.receive().value_or("nothing");
}

[[nodiscard]] inline std::set<std::string> found(std::uint16_t port, const std::string& filter) {
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
[[nodiscard]] inline std::set<std::string> missing(std::uint16_t port,
                                                   const std::set<std::string>& ids) {
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

// The ids of events that come to that client until it has all of `until`; how often each came.
[[nodiscard]] inline std::map<std::string, int> events_until(WsClient& client,
                                                             std::set<std::string> until) {
    std::map<std::string, int> times;
    while (!until.empty()) {
        const auto message = client.receive();
        if (!message) {
            ADD_FAILURE() << until.size() << " fences did not come";
            break;
        }
        const std::string id = id_in(*message);
        if (id.empty()) continue;
        ++times[id];
        until.erase(id);
    }
    return times;
}

inline void subscribe(WsClient& client, const std::string& filter) {
    client.send("[\"REQ\",\"s\"," + filter + "]");
    const auto messages = client.receive_until("[\"EOSE\"");
    ASSERT_TRUE(!messages.empty() && messages.back().starts_with("[\"EOSE\"")) << filter;
}

}  // namespace parrhesia::test
