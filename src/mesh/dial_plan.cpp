#include "mesh/dial_plan.hpp"

#include <algorithm>

namespace parrhesia::mesh {

void DialPlan::add(const std::string& address, bool by_gossip, base::SteadyTime now) {
    const auto found = targets_.find(address);
    if (found != targets_.end()) {
        Target& target = found->second;
        target.named_at = now;
        // Who was given up for good gets another chance when the configuration names it.
        target.by_gossip = target.by_gossip && by_gossip;
        return;
    }
    if (targets_.size() >= kMaxTargets) return;
    Target target;
    target.by_gossip = by_gossip;
    target.named_at = now;
    // Not all at once: nodes that start together would dial each other in step.
    target.next_dial = now + random_wait(std::chrono::milliseconds(0), kFirstDial);
    targets_.emplace(address, target);
}

std::vector<std::string> DialPlan::due(base::SteadyTime now,
                                       const std::function<bool(const base::NodeId&)>& is_linked) {
    std::vector<std::string> result;
    for (auto it = targets_.begin(); it != targets_.end();) {
        Target& target = it->second;
        const bool linked = target.node && is_linked(*target.node);
        const bool silent = now - target.named_at > kForgetAfter && !linked && !target.dialling;
        const bool given_up = target.by_gossip && target.tries >= kGossipTries && !target.dialling;
        if (silent || given_up) {
            it = targets_.erase(it);
            continue;
        }
        if (!target.is_self && !target.dialling && !linked && now >= target.next_dial) {
            target.dialling = true;
            result.push_back(it->first);
        }
        ++it;
    }
    return result;
}

void DialPlan::on_failed(const std::string& address, base::SteadyTime now) {
    Target* target = find(address);
    if (target == nullptr) return;
    target->dialling = false;
    ++target->tries;
    // Decorrelated jitter: the waits grow, but no two nodes keep step.
    target->wait = std::min(kLongestWait, random_wait(kShortestWait, target->wait * 3));
    target->next_dial = now + target->wait;
}

void DialPlan::on_refused(const std::string& address, std::chrono::seconds wait,
                          base::SteadyTime now) {
    Target* target = find(address);
    if (target == nullptr) return;
    target->dialling = false;
    ++target->tries;
    target->next_dial = now + std::min(wait, kLongestRefusal);
}

void DialPlan::on_duplicate(const std::string& address, const base::NodeId& node) {
    on_up(address, node);
}

void DialPlan::on_up(const std::string& address, const base::NodeId& node) {
    Target* target = find(address);
    if (target == nullptr) return;
    target->dialling = false;
    target->tries = 0;
    target->wait = kShortestWait;
    target->node = node;
}

void DialPlan::on_lost(const base::NodeId& node, base::SteadyTime now) {
    for (auto& [address, target] : targets_) {
        if (target.node != node) continue;
        target.next_dial = now + random_wait(std::chrono::milliseconds(0), kFirstDial);
    }
}

void DialPlan::on_self(const std::string& address) {
    if (Target* target = find(address)) {
        target->dialling = false;
        target->is_self = true;
    }
}

DialPlan::Target* DialPlan::find(const std::string& address) {
    const auto found = targets_.find(address);
    return found == targets_.end() ? nullptr : &found->second;
}

std::chrono::milliseconds DialPlan::random_wait(std::chrono::milliseconds from,
                                                std::chrono::milliseconds to) {
    const auto high = std::max(from, to).count();
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(from.count(), high)(random_));
}

}  // namespace parrhesia::mesh
