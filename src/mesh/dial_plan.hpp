// Which addresses are worth a dial, and when. Discovery only ever adds to it: that a name is gone
// from DNS says nothing about a link that works.
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/clock.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace parrhesia::mesh {

// Who named a target; the first of them that did decides how long it is remembered.
enum class Origin : std::uint8_t {
    configured,  // for ever
    discovered,  // while a name, the registry, names it, and kForgetAfter longer
    gossip,      // the same, but given up after kGossipTries until a peer names it again
};

// Threading: none of its own.
class DialPlan {
  public:
    static constexpr std::chrono::milliseconds kFirstDial{500};     // at a random time before it
    static constexpr std::chrono::milliseconds kShortestWait{100};  // after a failure
    static constexpr std::chrono::milliseconds kLongestWait{15'000};
    static constexpr std::chrono::seconds kLongestRefusal{300};  // whatever a peer says
    static constexpr std::chrono::minutes kForgetAfter{15};      // nobody names it, nobody is there
    static constexpr unsigned kGossipTries = 20;                 // in a row
    static constexpr std::size_t kMaxTargets = 1024;

    explicit DialPlan(std::uint64_t seed) : random_(seed) {}

    // Naming a target again keeps it alive.
    void add(const std::string& address, Origin origin, base::SteadyTime now);

    // Targets whose time has come and that are not being dialled; `is_linked` tells that a node
    // needs no dial. The caller dials, then reports.
    [[nodiscard]] std::vector<std::string> due(
        base::SteadyTime now, const std::function<bool(const base::NodeId&)>& is_linked);

    void on_failed(const std::string& address, base::SteadyTime now);
    // By its word or by ours: wrong key, cluster, database, id.
    void on_refused(const std::string& address, std::chrono::seconds wait, base::SteadyTime now);
    // That node is there, and there is a link with it: by this dial or another.
    void on_linked(const std::string& address, const base::NodeId& node);
    // A link that was up has ended: dialled again soon, at a random time.
    void on_lost(const base::NodeId& node, base::SteadyTime now);
    // What others refused for may be over: no target waits longer than at the start.
    void hurry(base::SteadyTime now);
    // It is this relay itself: never dialled again.
    void on_self(const std::string& address);

    // Since there was a link with who is there.
    [[nodiscard]] bool has_failed(const std::string& address) const;
    [[nodiscard]] std::size_t size() const noexcept { return targets_.size(); }

  private:
    struct Target {
        Origin origin = Origin::configured;
        bool is_self = false;
        bool dialling = false;
        unsigned tries = 0;  // that failed in a row
        std::chrono::milliseconds wait{kShortestWait};
        base::SteadyTime next_dial;
        base::SteadyTime named_at;
        std::optional<base::NodeId> node;  // who was there last
    };
    [[nodiscard]] std::chrono::milliseconds random_wait(std::chrono::milliseconds from,
                                                        std::chrono::milliseconds to);
    Target* find(const std::string& address);

    std::map<std::string, Target> targets_;
    std::mt19937_64 random_;
};

}  // namespace parrhesia::mesh
