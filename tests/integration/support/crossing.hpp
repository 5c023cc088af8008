// What crosses a cluster: what every node has taken, and what every node's subscribers got of it.
#pragma once

#include "integration/support/cluster_processes.hpp"
#include "integration/support/ws_client.hpp"
#include "support/event_generator.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace parrhesia::test {

struct CrossingResult {
    std::size_t missing = 0;  // of an event at a node: the live path may drop, and says so
    std::size_t twice = 0;
    std::size_t foreign = 0;  // or not as it was published

    friend bool operator==(const CrossingResult&, const CrossingResult&) = default;
    friend std::ostream& operator<<(std::ostream& out, const CrossingResult& result) {
        return out << result.missing << " missing, " << result.twice << " twice, " << result.foreign
                   << " foreign";
    }
};

// One subscriber and one publisher on each node. A node that was restarted needs reconnect().
//
// Threading: one thread.
class Crossing {
  public:
    explicit Crossing(ClusterProcesses& cluster, event::Kind kind = 1);

    void reconnect(std::size_t node);
    // A node that ends waits for its clients, and ours do not answer.
    void disconnect(std::size_t node);
    // On that node; each has so many bytes of content. Waits for the OKs: what is refused fails the
    // test.
    void publish(std::size_t node, std::size_t events = 1, std::size_t content_bytes = 20);
    // All links are up: one more event of each node comes to all, and before it all that is still
    // to come. Fails the test when it does not.
    [[nodiscard]] CrossingResult finish();
    // Of the subscriber there alone, until it has all that was published there.
    [[nodiscard]] CrossingResult finish_at(std::size_t node);

  private:
    // Reads until every event of `until` is there.
    void read(std::size_t node, std::vector<std::string> until);
    [[nodiscard]] CrossingResult judge(std::size_t node) const;

    ClusterProcesses& cluster_;
    const event::Kind kind_;
    std::vector<std::unique_ptr<WsClient>> publishers_;
    std::vector<std::unique_ptr<WsClient>> subscribers_;
    std::map<std::string, std::string> published_;   // id, JSON
    std::vector<std::string> newest_;                // id, by node
    std::vector<std::map<std::string, int>> times_;  // id, by node
    std::vector<std::size_t> foreign_;
};

}  // namespace parrhesia::test
