#include "mesh/dial_plan.hpp"

#include <algorithm>

namespace parrhesia::mesh {

void DialPlan::add(const std::string& address, Origin origin, base::SteadyTime now) {
    const auto found = targets_.find(address);
    if (found != targets_.end()) {
        Target& target = found->second;
        target.named_at = now;
        target.origin = std::min(target.origin, origin);
        return;
    }
    if (targets_.size() >= kMaxTargets) return;
    Target target;
    target.origin = origin;
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
        const bool idle = !linked && !target.dialling && !target.is_self;
        const bool unnamed =
            target.origin != Origin::configured && now - target.named_at > kForgetAfter;
        const bool given_up = target.origin == Origin::gossip && target.tries >= kGossipTries;
        if (idle && (unnamed || given_up)) {
            it = targets_.erase(it);
            continue;
        }
        if (idle && now >= target.next_dial) {
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

void DialPlan::on_linked(const std::string& address, const base::NodeId& node) {
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

void DialPlan::hurry(base::SteadyTime now) {
    for (auto& [address, target] : targets_) {
        target.tries = 0;
        target.wait = kShortestWait;
        target.next_dial =
            std::min(target.next_dial, now + random_wait(std::chrono::milliseconds(0), kFirstDial));
    }
}

void DialPlan::on_self(const std::string& address) {
    if (Target* target = find(address)) {
        target->dialling = false;
        target->is_self = true;
    }
}

bool DialPlan::has_failed(const std::string& address) const {
    const auto found = targets_.find(address);
    return found != targets_.end() && found->second.tries != 0;
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
