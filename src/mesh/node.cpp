#include "mesh/node.hpp"

#include "parrhesia/base/log.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace parrhesia::mesh {
namespace {

using protocol::PeerErrorCode;
using protocol::PeerState;
using namespace std::chrono_literals;

// So much later than due: this process, or its machine, stood still. Less, where the limit of
// silence is short: half of it.
constexpr std::chrono::milliseconds kOwnPause = 2s;
// A link that has said its last word gets so long to be rid of it.
constexpr std::chrono::milliseconds kLastWord = 2s;
// One that made room for a better one still carries what was written before; over a slow network
// that takes a while.
constexpr std::chrono::milliseconds kEmptying = 30s;
// Events for a peer between two links of which one replaces the other, a round trip at most.
constexpr std::size_t kMaxReplacing = 8192;
// The transport has limits of its own; this one is for a resolver that hangs.
constexpr std::chrono::milliseconds kDialLimit = 30s;
// As after every other refusal.
constexpr std::chrono::seconds kTlsRetry = 60s;
constexpr std::chrono::milliseconds kForgetLeft = 15min;
constexpr std::chrono::milliseconds kForgetDown = 24h;

protocol::Nonce random_nonce() {
    protocol::Nonce nonce;
    if (RAND_bytes(nonce.data(), static_cast<int>(nonce.bytes.size())) != 1) {
        throw std::runtime_error("the system gives no random numbers");
    }
    return nonce;
}

}  // namespace

Node::Node(NodeOptions options, Transport& transport, RemoteEvents& events, MeshMetrics& metrics,
           base::SteadyTime now)
    : options_(std::move(options)),
      transport_(transport),
      events_(events),
      metrics_(metrics),
      plan_(options_.seed),
      now_(now),
      last_tick_(now),
      candidate_since_(now) {
    plan_.add(options_.link.self.address, Origin::configured, now);
    plan_.on_self(options_.link.self.address);
}

void Node::add_target(const std::string& address, Origin origin, base::SteadyTime now) {
    plan_.add(address, origin, now);
}

void Node::set_log_id(const std::string& log_id, base::SteadyTime now) {
    if (options_.link.self.log_id == log_id) return;
    options_.link.self.log_id = log_id;
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, entry] : links_) {
        if (entry.link) numbers.push_back(number);
    }
    for (const std::uint64_t number : numbers) {
        transport_.close(number);
        on_closed(number, "this relay's database is another one now", now);
    }
    plan_.hurry(now);
}

void Node::set_load(std::uint32_t connections, std::uint32_t subscriptions) {
    connections_ = connections;
    subscriptions_ = subscriptions;
    refresh_view();
}

// ---- the transport's reports ----

void Node::on_connected(std::uint64_t number, const Channel& channel, base::SteadyTime now) {
    now_ = now;
    const auto found = links_.find(number);
    if (found == links_.end()) return;
    found->second.link = std::make_unique<Link>(number, Link::Side::dialler, options_.link, channel,
                                                random_nonce(), now, listener());
    found->second.link->start();
}

void Node::on_dial_failed(std::uint64_t number, std::string_view why, base::SteadyTime now) {
    now_ = now;
    const auto found = links_.find(number);
    if (found == links_.end()) return;
    base::log::debug("mesh: no connection to {}: {}", found->second.address, why);
    plan_.on_failed(found->second.address, now);
    links_.erase(found);
}

void Node::on_tls_failed(std::uint64_t number, std::string_view why, base::SteadyTime now) {
    now_ = now;
    const auto found = links_.find(number);
    if (found == links_.end()) return;
    const std::string address = found->second.address;
    links_.erase(found);
    report_tls(address, true, why);
    // Once may be a byte that was spoilt on the way.
    if (plan_.has_failed(address)) {
        plan_.on_refused(address, kTlsRetry, now);
    } else {
        plan_.on_failed(address, now);
    }
}

void Node::on_tls_refused(const std::string& from, std::string_view why) {
    report_tls(from, false, why);
}

void Node::report_tls(const std::string& address, bool dialled, std::string_view why) {
    constexpr std::string_view kCode = "tls";
    metrics_.refusals(std::string(kCode)).add();
    if (!is_news(address, kCode, dialled)) return;
    base::log::warn(
        "mesh: {} {} has no TLS: {}; either it is no relay of this cluster, or the keys of the two "
        "do not fit (cluster.psk_file, cluster.cert_file, cluster.ca_file)",
        dialled ? "link to" : "link from", address, why);
}

// What is told once of each host. By host alone: who comes again comes from another port.
bool Node::is_news(const std::string& address, std::string_view code, bool dialled) {
    constexpr std::size_t kRemembered = 1024;
    const std::string host = address.substr(0, address.rfind(':'));
    return refusals_logged_.size() < kRemembered &&
           refusals_logged_.insert(fmt::format("{} {} {}", host, code, dialled)).second;
}

std::optional<std::uint64_t> Node::on_accepted(const std::string& from, const Channel& channel,
                                               base::SteadyTime now) {
    now_ = now;
    const auto handshakes = std::ranges::count_if(links_, [](const auto& entry) {
        const Entry& link = entry.second;
        return !link.dialled && link.link && link.link->state() == Link::State::handshake;
    });
    if (leaving_ || static_cast<std::size_t>(handshakes) >= options_.max_handshakes) {
        metrics_.refusals("too_many_handshakes").add();
        return std::nullopt;
    }
    const std::uint64_t number = next_link_++;
    Entry entry;
    entry.address = from;
    entry.since = now;
    entry.link = std::make_unique<Link>(number, Link::Side::acceptor, options_.link, channel,
                                        random_nonce(), now, listener());
    links_.emplace(number, std::move(entry));
    return number;
}

void Node::on_bytes(std::uint64_t number, std::span<const std::uint8_t> bytes,
                    base::SteadyTime now) {
    now_ = now;
    Link* link = find(number);
    if (link == nullptr) return;
    link->on_bytes(bytes, now);
    settle(number, now);
}

void Node::on_closed(std::uint64_t number, std::string_view why, base::SteadyTime now) {
    now_ = now;
    if (Link* link = find(number)) link->on_closed(why);
    forget(number, now);
}

void Node::output(std::uint64_t number, std::string& out, base::SteadyTime now) {
    now_ = now;
    if (Link* link = find(number)) link->output(out, now);
}

bool Node::is_done(std::uint64_t number) const noexcept {
    const Link* link = find(number);
    return link == nullptr || link->is_done();
}

// ---- time ----

void Node::on_tick(base::SteadyTime now) {
    now_ = now;
    const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(now - last_tick_);
    last_tick_ = now;
    if (pause > std::clamp(options_.link.dead / 2, 3 * kTick, kOwnPause)) {
        metrics_.pauses.add();
        base::log::warn("mesh: this relay stood still for {} ms; its peers' silence does not count",
                        pause.count());
        for (auto& [number, entry] : links_) {
            if (entry.link) entry.link->forgive(pause);
        }
    }
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, entry] : links_) numbers.push_back(number);
    for (const std::uint64_t number : numbers) {
        if (Link* link = find(number)) {
            link->on_tick(now);
            settle(number, now);
        } else if (now - links_.at(number).since > kDialLimit) {
            transport_.close(number);
            forget(number, now);
        }
    }
    dial_due(now);
    refresh_suspects();
    forget_peers(now);
    judge_partition(now);
    update_metrics(now);
}

void Node::dial_due(base::SteadyTime now) {
    if (leaving_) return;
    const auto linked = [this](const base::NodeId& node) { return active_link(node) != nullptr; };
    for (const std::string& address : plan_.due(now, linked)) {
        const std::uint64_t number = next_link_++;
        Entry entry;
        entry.address = address;
        entry.dialled = true;
        entry.since = now;
        links_.emplace(number, std::move(entry));
        metrics_.dials.add();
        transport_.dial(number, address);
    }
}

// Who has been away for long is no part of the cluster any more, and no partition.
void Node::forget_peers(base::SteadyTime now) {
    for (auto& [node, peer] : peers_) {
        if (peer.is_replacing && now - peer.changed_at > kLastWord) stop_waiting(peer);
    }
    std::erase_if(peers_, [now](const auto& entry) {
        const Peer& peer = entry.second;
        if (peer.link != 0) return false;
        const auto limit = peer.state == PeerState::left ? kForgetLeft : kForgetDown;
        return now - peer.changed_at > limit;
    });
}

void Node::stop_waiting(Peer& peer) {
    peer.is_replacing = false;
    const Unsent unsent = std::exchange(peer.waiting, {});
    for (const OutgoingPtr& event : unsent.events) {
        ++drops_of_ended_[static_cast<std::size_t>(event->lane)].cut_off;
    }
}

// Notices that a link has ended, and sees to its end.
void Node::settle(std::uint64_t number, base::SteadyTime now) {
    const auto found = links_.find(number);
    if (found == links_.end() || !found->second.link) return;
    Entry& entry = found->second;
    const Link& link = *entry.link;
    if (link.state() == Link::State::up || link.state() == Link::State::handshake) return;
    if (!entry.ended_at) {
        entry.ended_at = now;
        lose_peer(*entry.link, now);
    }
    // Of a link that made room for a better one, events that have been written are still to arrive.
    const bool waits_for_nothing =
        link.state() == Link::State::ended && link.is_done() && link.end() != LinkEnd::replaced;
    // Who left in order closes by itself; all others get a moment to take our last word.
    const auto patience = link.end() == LinkEnd::replaced ? kEmptying : kLastWord;
    const bool late = link.end() != LinkEnd::left && now - *entry.ended_at > patience;
    if (waits_for_nothing || late) {
        transport_.close(number);
        forget(number, now);
    } else {
        transport_.wake(number);
    }
}

// What waited, and what may not have arrived. Who is replaced or leaves need not acknowledge the
// last.
std::uint64_t Node::lost_in(const Link& link, protocol::Lane lane) {
    if (link.end() == LinkEnd::left) return 0;
    const std::uint64_t waiting = link.lane(lane).size();
    return link.end() == LinkEnd::replaced ? waiting : waiting + link.unacknowledged(lane);
}

void Node::forget(std::uint64_t number, base::SteadyTime now) {
    const auto found = links_.find(number);
    if (found == links_.end()) return;
    Entry entry = std::move(found->second);
    links_.erase(found);
    if (!entry.link) return plan_.on_failed(entry.address, now);  // still being dialled
    if (!entry.ended_at) lose_peer(*entry.link, now);
    for (std::size_t i = 0; i < drops_of_ended_.size(); ++i) {
        const LaneDrops& drops = entry.link->lane(static_cast<protocol::Lane>(i)).drops();
        drops_of_ended_[i].overflow += drops.overflow;
        drops_of_ended_[i].expired += drops.expired;
        drops_of_ended_[i].cut_off += lost_in(*entry.link, static_cast<protocol::Lane>(i));
    }
    report_end(entry, now);
}

// Plans the next dial, and says in the log what an operator has to know: once.
void Node::report_end(const Entry& entry, base::SteadyTime now) {
    const Link& link = *entry.link;
    metrics_.link_ends(std::string(to_text(link.end()))).add();
    const auto code = link.error_code();
    const bool refused = link.end() == LinkEnd::refused_by_us ||
                         link.end() == LinkEnd::refused_by_peer ||
                         link.end() == LinkEnd::protocol_error;
    if (refused && code && *code != PeerErrorCode::self) {
        metrics_.refusals(std::string(protocol::to_text(*code))).add();
        if (is_news(entry.address, protocol::to_text(*code), entry.dialled)) {
            base::log::warn(
                "mesh: {} {} {}: {} ({})", entry.dialled ? "link to" : "link from", entry.address,
                link.end() == LinkEnd::refused_by_peer ? "is refused there" : "is refused here",
                link.detail(), protocol::to_text(*code));
        }
    }
    if (!entry.dialled) return;
    if (code == PeerErrorCode::self) {
        plan_.on_self(entry.address);
    } else if (refused && link.retry_after() != 0s) {
        plan_.on_refused(entry.address, link.retry_after(), now);
    } else if (link.end() == LinkEnd::replaced) {
        // A better link to that node is there, or was a moment ago.
        plan_.on_linked(entry.address, link.peer().node);
    } else {
        plan_.on_failed(entry.address, now);
    }
}

void Node::lose_peer(Link& link, base::SteadyTime now) {
    const auto found = peers_.find(link.peer().node);
    if (found == peers_.end() || found->second.link != link.number()) return;
    Peer& peer = found->second;
    peer.link = 0;
    peer.sees.clear();
    peer.changed_at = now;
    peer.state = link.end() == LinkEnd::left ? PeerState::left : PeerState::down;
    if (link.end() == LinkEnd::replaced) {
        peer.is_replacing = true;
        peer.waiting = link.take_waiting();
        base::log::debug("mesh: a link to {} makes room for a better one",
                         short_name(found->first));
    } else if (link.end() == LinkEnd::left || leaving_) {
        base::log::info("mesh: {} ({}) has left", short_name(found->first), peer.address);
    } else {
        base::log::warn("mesh: link to {} ({}) is down: {}{}{}", short_name(found->first),
                        peer.address, to_text(link.end()), link.detail().empty() ? "" : ": ",
                        link.detail());
    }
    plan_.on_lost(found->first, now);
    ++view_version_;
    refresh_view();
    events_.on_peers_up(peers_up());
}

// ---- what the mesh asks for ----

void Node::publish(const OutgoingPtr& event) {
    metrics_.sent[static_cast<std::size_t>(event->lane)]->add();
    for (auto& [node, peer] : peers_) {
        if (Link* link = find(peer.link)) {
            link->enqueue(event);
        } else if (peer.is_replacing) {
            if (peer.waiting.events.size() >= kMaxReplacing) stop_waiting(peer);
            if (peer.is_replacing) peer.waiting.events.push_back(event);
        }
    }
}

void Node::acknowledge(std::uint64_t number, protocol::Lane lane, std::size_t events,
                       std::size_t bytes) {
    if (Link* link = find(number)) link->acknowledge(lane, events, bytes);
}

void Node::leave(protocol::GoodbyeReason reason, base::SteadyTime now) {
    now_ = now;
    leaving_ = true;
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, entry] : links_) numbers.push_back(number);
    for (const std::uint64_t number : numbers) {
        Link* link = find(number);
        if (link == nullptr) {  // still being dialled
            transport_.close(number);
            links_.erase(number);
            continue;
        }
        link->send_goodbye(reason, kLastWord);
        settle(number, now);
    }
}

Link* Node::find(std::uint64_t number) const noexcept {
    const auto found = links_.find(number);
    return found == links_.end() ? nullptr : found->second.link.get();
}

Link* Node::active_link(const base::NodeId& node) const noexcept {
    const auto found = peers_.find(node);
    return found == peers_.end() ? nullptr : find(found->second.link);
}

std::size_t Node::peers_up() const noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(peers_, [](const auto& peer) { return peer.second.link != 0; }));
}

std::chrono::microseconds Node::round_trip(std::uint64_t number) const noexcept {
    const Link* link = find(number);
    return link == nullptr ? 0us : link->round_trip();
}

}  // namespace parrhesia::mesh
