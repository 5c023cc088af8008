#include "net/connection_gate.hpp"

namespace parrhesia::net {

ConnectionGate::Verdict ConnectionGate::enter(const base::IpAddress& address) {
    const std::scoped_lock lock(mutex_);
    if (open_ >= max_connections_) return Verdict::too_many;
    const Verdict verdict = count_address(address, is_exempt(address));
    if (verdict == Verdict::enter) ++open_;
    return verdict;
}

ConnectionGate::Verdict ConnectionGate::enter_unnamed() {
    const std::scoped_lock lock(mutex_);
    if (open_ >= max_connections_) return Verdict::too_many;
    ++open_;
    return Verdict::enter;
}

ConnectionGate::Verdict ConnectionGate::name(const base::IpAddress& address, bool exempt) {
    const std::scoped_lock lock(mutex_);
    return count_address(address, exempt);
}

ConnectionGate::Verdict ConnectionGate::count_address(const base::IpAddress& address, bool exempt) {
    const base::IpAddress client = address.client_prefix();
    const auto found = open_by_address_.find(client);
    const std::size_t of_address = found == open_by_address_.end() ? 0 : found->second;
    if (of_address >= max_per_address_ && !exempt) return Verdict::too_many_of_address;
    ++open_by_address_[client];
    return Verdict::enter;
}

void ConnectionGate::leave_unnamed() noexcept {
    const std::scoped_lock lock(mutex_);
    --open_;
}

void ConnectionGate::leave(const base::IpAddress& address) noexcept {
    const std::scoped_lock lock(mutex_);
    --open_;
    const auto found = open_by_address_.find(address.client_prefix());
    if (found != open_by_address_.end() && --found->second == 0) open_by_address_.erase(found);
}

}  // namespace parrhesia::net
