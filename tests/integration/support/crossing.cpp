#include "integration/support/crossing.hpp"

#include "integration/support/conversation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace parrhesia::test {
namespace {

// The event of ["EVENT","s",{...}], as it came; empty when it is something else.
std::string_view event_in(std::string_view message) {
    constexpr std::string_view kStart = "[\"EVENT\",\"s\",";
    if (!message.starts_with(kStart) || !message.ends_with(']')) return {};
    return message.substr(kStart.size(), message.size() - kStart.size() - 1);
}

}  // namespace

Crossing::Crossing(ClusterProcesses& cluster, event::Kind kind)
    : cluster_(cluster),
      kind_(kind),
      publishers_(cluster.size()),
      subscribers_(cluster.size()),
      newest_(cluster.size()),
      times_(cluster.size()),
      foreign_(cluster.size()) {
    for (std::size_t i = 0; i < cluster.size(); ++i) reconnect(i);
}

void Crossing::reconnect(std::size_t node) {
    publishers_[node] = cluster_.connect(node);
    subscribers_[node] = cluster_.connect(node);
    subscribe(*subscribers_[node], "{\"limit\":1,\"kinds\":[" + std::to_string(kind_) +
                                       "],\"since\":" + std::to_string(now() - 60) + "}");
    times_[node].clear();
}

void Crossing::disconnect(std::size_t node) {
    publishers_[node].reset();
    subscribers_[node].reset();
}

void Crossing::publish(std::size_t node, std::size_t events, std::size_t content_bytes) {
    std::set<std::string> waiting;
    for (std::size_t i = 0; i < events; ++i) {
        std::string content = "event " + std::to_string(published_.size()) + " ";
        content.resize(std::max(content_bytes, content.size()), 'x');
        const EventPtr event = make_event("alice", {now(), kind_, {}, content});
        published_.emplace(id_of(event), event->json());
        newest_[node] = id_of(event);
        waiting.insert(id_of(event));
        publishers_[node]->send(publication(event));
    }
    while (!waiting.empty()) {
        const std::string answer = publishers_[node]->receive().value_or("nothing");
        constexpr std::string_view kStart = "[\"OK\",\"";
        ASSERT_TRUE(answer.starts_with(kStart)) << answer;
        ASSERT_EQ(answer.substr(kStart.size() + 64, 7), "\",true,") << answer;
        waiting.erase(answer.substr(kStart.size(), 64));
    }
}

CrossingResult Crossing::finish() {
    for (std::size_t i = 0; i < cluster_.size(); ++i) publish(i);
    CrossingResult sum;
    for (std::size_t i = 0; i < cluster_.size(); ++i) {
        read(i, newest_);
        const CrossingResult one = judge(i);
        sum.missing += one.missing;
        sum.twice += one.twice;
        sum.foreign += one.foreign;
    }
    return sum;
}

CrossingResult Crossing::finish_at(std::size_t node) {
    std::vector<std::string> until;
    for (const auto& [id, json] : published_) until.push_back(id);
    read(node, until);
    return judge(node);
}

void Crossing::read(std::size_t node, std::vector<std::string> until) {
    std::map<std::string, int>& times = times_[node];
    std::erase_if(until, [&](const auto& id) { return id.empty() || times.contains(id); });
    std::set<std::string> waiting(until.begin(), until.end());
    while (!waiting.empty()) {
        const auto message = subscribers_[node]->receive(std::chrono::seconds(30));
        if (!message) {
            ADD_FAILURE() << waiting.size() << " events did not come to node " << node << "\n"
                          << cluster_.report();
            return;
        }
        const std::string_view event = event_in(*message);
        if (event.empty()) continue;
        const std::string id = id_in(*message);
        const auto found = published_.find(id);
        if (found == published_.end() || found->second != event) ++foreign_[node];
        ++times[id];
        waiting.erase(id);
    }
}

CrossingResult Crossing::judge(std::size_t node) const {
    CrossingResult result;
    result.foreign = foreign_[node];
    for (const auto& [id, json] : published_) {
        if (!times_[node].contains(id)) ++result.missing;
    }
    for (const auto& [id, times] : times_[node]) {
        if (times > 1) ++result.twice;
    }
    return result;
}

}  // namespace parrhesia::test
