#include "net/client_address.hpp"

#include "parrhesia/base/log.hpp"

#include "net/forwarded.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parrhesia::net {
namespace {

// All lines of that name as one (RFC 9110, 5.3); empty when there is none.
std::optional<std::string> joined(const HttpRequest& request, std::string_view name) {
    std::optional<std::string> value;
    const auto [first, last] = request.equal_range({name.data(), name.size()});
    for (auto line = first; line != last; ++line) {
        if (value) {
            *value += ',';
        } else {
            value.emplace();
        }
        value->append(line->value().data(), line->value().size());
    }
    return value;
}

}  // namespace

bool speaks_for_others(const RelayServerOptions& options, const base::IpAddress& peer) noexcept {
    const bool may_name =
        options.proxy_protocol || options.forwarded_header != ForwardedHeader::none;
    return may_name && options.trusted_proxies.contains(peer);
}

ClientAddress::ClientAddress(ConnectionGate& gate, const RelayServerOptions& options,
                             NetMetrics& metrics, const base::IpAddress& peer) noexcept
    : gate_(&gate),
      options_(options),
      metrics_(metrics),
      address_(peer),
      named_(!speaks_for_others(options, peer)),
      exempt_(named_ && gate.is_exempt(peer)) {}

ClientAddress::~ClientAddress() {
    if (gate_ == nullptr) return;
    if (named_) {
        gate_->leave(address_);
    } else {
        gate_->leave_unnamed();
    }
}

ClientAddress::ClientAddress(ClientAddress&& other) noexcept
    : gate_(std::exchange(other.gate_, nullptr)),
      options_(other.options_),
      metrics_(other.metrics_),
      address_(other.address_),
      named_(other.named_),
      exempt_(other.exempt_) {}

bool ClientAddress::expects_proxy_header() const noexcept {
    return !named_ && options_.proxy_protocol;
}

ConnectionGate::Verdict ClientAddress::settle(const HttpRequest& request) {
    if (named_) return ConnectionGate::Verdict::enter;
    bool may_be_exempt = true;
    const std::string_view name = name_of(options_.forwarded_header);
    // A proxy that the PROXY protocol has named may itself be one of ours, with a header.
    if (!name.empty() && options_.trusted_proxies.contains(address_)) {
        if (const auto value = joined(request, name)) {
            const auto client =
                forwarded_client(options_.forwarded_header, *value, options_.trusted_proxies);
            if (client) {
                address_ = *client;
            } else {
                may_be_exempt = false;
                metrics_.bad_forwarded.add();
                base::log::debug("{} from {} names no client address", name, address_.to_string());
            }
        }
    }
    const bool exempt = may_be_exempt && gate_->is_exempt(address_);
    const auto verdict = gate_->name(address_, exempt);
    if (verdict != ConnectionGate::Verdict::enter) return verdict;
    named_ = true;
    exempt_ = exempt;
    return verdict;
}

}  // namespace parrhesia::net
