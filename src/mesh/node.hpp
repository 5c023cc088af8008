// One relay's part of the mesh, without I/O: which links there are, which is kept, who is alive,
// and what goes to whom. The TCP transport drives it, and so does a simulation.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/mesh/status.hpp"
#include "parrhesia/protocol/peer_message.hpp"

#include "mesh/dial_plan.hpp"
#include "mesh/link.hpp"
#include "mesh/link_matrix.hpp"
#include "mesh/mesh_metrics.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::mesh {

// What moves the bytes. Calls back later, never from within these functions.
class Transport {
  public:
    virtual ~Transport() = default;
    // Node::on_connected(), on_dial_failed() or on_tls_failed() follows.
    virtual void dial(std::uint64_t link, const std::string& address) = 0;
    // The link has output, or is done: ask for both when all earlier output has left.
    virtual void wake(std::uint64_t link) = 0;
    // At once. Nothing more is heard of that link.
    virtual void close(std::uint64_t link) = 0;
};

// Where events of other nodes go.
class RemoteEvents {
  public:
    virtual ~RemoteEvents() = default;
    // Node::acknowledge(link, lane, number, bytes) is owed once they have been worked through.
    virtual void on_batch(std::uint64_t link, protocol::Lane lane,
                          const protocol::EventBatch& batch, std::size_t bytes) = 0;
    // With so many peers there is a link now.
    virtual void on_peers_up(std::size_t peers) = 0;
};

// As logs and metrics name a node: the first 8 digits of its id.
[[nodiscard]] inline std::string short_name(const base::NodeId& node) {
    return base::to_hex(node).substr(0, 8);
}

struct NodeOptions {
    LinkOptions link;
    std::size_t max_peers = 32;
    std::size_t max_handshakes = 32;  // of connections that others opened, at one time
    std::uint64_t seed = 0;           // of the waits between dials
};

// Threading: none of its own: the mesh's thread, or a test's.
// Invariant: at most one link for each peer carries events; links_ has every link that the
// transport may still speak of.
class Node final : private LinkListener {
  public:
    static constexpr std::chrono::milliseconds kTick{100};

    // `options.link.keyring`, transport, events and metrics outlive it.
    Node(NodeOptions options, Transport& transport, RemoteEvents& events, MeshMetrics& metrics,
         base::SteadyTime now);
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    void add_target(const std::string& address, Origin origin, base::SteadyTime now);
    // From the registry: who is alive by the database's clock.
    void set_alive_elsewhere(NodeSet nodes) { alive_elsewhere_ = std::move(nodes); }
    // Of the database: links that were made under another one end.
    void set_log_id(const std::string& log_id, base::SteadyTime now);
    void set_load(std::uint32_t connections, std::uint32_t subscriptions);

    // The transport's reports.
    void on_connected(std::uint64_t link, const Channel& channel, base::SteadyTime now);
    void on_dial_failed(std::uint64_t link, std::string_view why, base::SteadyTime now);
    // Somebody was there, but not one with our keys: by the word of either side.
    void on_tls_failed(std::uint64_t link, std::string_view why, base::SteadyTime now);
    // The same of a connection that another one opened.
    void on_tls_refused(const std::string& from, std::string_view why);
    // The number of the new link; none: too many handshakes, close it.
    [[nodiscard]] std::optional<std::uint64_t> on_accepted(const std::string& from,
                                                           const Channel& channel,
                                                           base::SteadyTime now);
    void on_bytes(std::uint64_t link, std::span<const std::uint8_t> bytes, base::SteadyTime now);
    void on_closed(std::uint64_t link, std::string_view why, base::SteadyTime now);
    void output(std::uint64_t link, std::string& out, base::SteadyTime now);
    // All that will ever be written has been asked for: send it, then report on_closed().
    [[nodiscard]] bool is_done(std::uint64_t link) const noexcept;

    void on_tick(base::SteadyTime now);

    void publish(const OutgoingPtr& event);
    void acknowledge(std::uint64_t link, protocol::Lane lane, std::size_t events,
                     std::size_t bytes);

    // No link is made any more; peers hear GOODBYE after what waits for them.
    void leave(protocol::GoodbyeReason reason, base::SteadyTime now);
    [[nodiscard]] bool has_left() const noexcept { return leaving_ && links_.empty(); }

    [[nodiscard]] NodeStatus status(base::SteadyTime now) const;
    [[nodiscard]] std::size_t peers_up() const noexcept;
    // Of the origin of a batch, for its age: half of it is the way here.
    [[nodiscard]] std::chrono::microseconds round_trip(std::uint64_t link) const noexcept;

  private:
    struct Peer {
        std::uint64_t boot = 0;
        std::string address;
        std::string software;
        protocol::PeerState state = protocol::PeerState::known;
        std::uint64_t link = 0;  // 0: none
        base::SteadyTime up_since;
        base::SteadyTime changed_at;
        NodeSet sees;
        protocol::Heartbeat heard;
        // The peer has ended its link for a better one, which is about to come up here, too: what
        // waits for that, until kLastWord after changed_at.
        bool is_replacing = false;
        Unsent waiting;
    };
    struct Entry {
        std::unique_ptr<Link> link;  // none while it is being dialled
        std::string address;         // that was dialled, or that it came from
        bool dialled = false;
        base::SteadyTime since;
        std::optional<base::SteadyTime> ended_at;
    };

    // LinkListener
    [[nodiscard]] std::optional<protocol::PeerError> admit(Link& link,
                                                           const protocol::Hello& peer) override;
    void on_up(Link& link) override;
    void on_peers(Link& link, const std::vector<protocol::ListedPeer>& peers) override;
    void on_heartbeat(Link& link, const protocol::Heartbeat& heartbeat) override;
    void on_batch(Link& link, protocol::Lane lane, const protocol::EventBatch& batch,
                  std::size_t bytes) override;
    void on_gap(Link& link, protocol::Lane lane, const protocol::Gap& gap) override;
    void on_left(Link& link) override;
    void on_output(Link& link) override;

    [[nodiscard]] std::optional<protocol::PeerError> refuse_second(const Link& link,
                                                                   const protocol::Hello& peer,
                                                                   const Link& present) const;
    [[nodiscard]] LinkListener& listener() noexcept { return *this; }
    [[nodiscard]] Link* find(std::uint64_t link) const noexcept;
    [[nodiscard]] Link* active_link(const base::NodeId& node) const noexcept;
    void settle(std::uint64_t link, base::SteadyTime now);
    [[nodiscard]] static std::uint64_t lost_in(const Link& link, protocol::Lane lane);
    void forget(std::uint64_t link, base::SteadyTime now);
    void lose_peer(Link& link, base::SteadyTime now);
    void report_end(const Entry& entry, base::SteadyTime now);
    void report_tls(const std::string& address, bool dialled, std::string_view why);
    [[nodiscard]] bool is_news(const std::string& address, std::string_view code, bool dialled);
    void dial_due(base::SteadyTime now);
    void forget_peers(base::SteadyTime now);
    void stop_waiting(Peer& peer);
    void refresh_view();
    void refresh_suspects();
    void judge_partition(base::SteadyTime now);
    void announce_peers();
    void update_metrics(base::SteadyTime now);

    // constant after construction, but for the log's id
    NodeOptions options_;
    Transport& transport_;
    RemoteEvents& events_;
    MeshMetrics& metrics_;

    DialPlan plan_;
    std::map<std::uint64_t, Entry> links_;
    std::map<base::NodeId, Peer> peers_;
    std::uint64_t next_link_ = 1;
    bool leaving_ = false;
    base::SteadyTime now_;  // of the call that is going on
    base::SteadyTime last_tick_;
    std::uint64_t view_version_ = 0;
    std::uint32_t connections_ = 0;
    std::uint32_t subscriptions_ = 0;
    NodeSet alive_elsewhere_;
    NodeSet suspects_;
    base::SteadyTime next_metrics_;
    MatrixVerdict verdict_;    // as logged
    MatrixVerdict candidate_;  // as it looks now
    base::SteadyTime candidate_since_;
    std::set<std::string> refusals_logged_;
    std::array<LaneDrops, protocol::kLanes> drops_of_ended_{};
};

}  // namespace parrhesia::mesh
