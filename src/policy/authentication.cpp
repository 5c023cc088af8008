#include "parrhesia/policy/authentication.hpp"

#include "parrhesia/base/relay_url.hpp"
#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/tags.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace parrhesia::policy {
namespace {

using base::Errc;
using base::Refusal;

constexpr std::int64_t kMaxAgeSeconds = 600;

Refusal invalid(std::string text) { return {Errc::invalid_event, std::move(text)}; }

// "relay.example:8080" of a normalized URL: NIP-42 lets the host be enough.
[[nodiscard]] std::string_view host_of(std::string_view url) noexcept {
    url.remove_prefix(url.find("://") + 3);
    return url.substr(0, url.find('/'));
}

[[nodiscard]] bool is_loopback(std::string_view host, std::uint16_t port) {
    for (const std::string_view name : {"localhost", "127.0.0.1", "[::1]"}) {
        if (host == fmt::format("{}:{}", name, port)) return true;
        if (port == 80 && host == name) return true;
    }
    return false;
}

[[nodiscard]] bool is_ours(std::string_view url, const RelayAddress& relay) {
    const auto normalized = base::normalized_relay_url(url);
    if (!normalized) return false;
    const std::string_view host = host_of(*normalized);
    if (relay.urls.empty()) return is_loopback(host, relay.local_port);
    return std::any_of(relay.urls.begin(), relay.urls.end(),
                       [host](const std::string& ours) { return host_of(ours) == host; });
}

}  // namespace

std::optional<Refusal> check_authentication(const event::EventView& event,
                                            std::string_view challenge, const RelayAddress& relay,
                                            std::int64_t now_unix_seconds) {
    if (event.kind() != event::kClientAuthentication) {
        return invalid(fmt::format("AUTH needs an event of kind 22242, this has {}", event.kind()));
    }
    const std::int64_t age = now_unix_seconds - event.created_at();
    if (age > kMaxAgeSeconds || age < -kMaxAgeSeconds) {
        return invalid(fmt::format("created_at is {} seconds off, at most {} are allowed",
                                   age < 0 ? -age : age, kMaxAgeSeconds));
    }
    const std::vector<event::Tag> tags = event::tags_of(event);
    const event::Tag* claimed = event::find_tag(tags, "challenge");
    if (claimed == nullptr || claimed->size() < 2 || challenge.empty() ||
        (*claimed)[1] != challenge) {
        return invalid("the challenge is not the one this connection was given");
    }
    const event::Tag* url = event::find_tag(tags, "relay");
    if (url == nullptr || url->size() < 2 || !is_ours((*url)[1], relay)) {
        return invalid(relay.urls.empty()
                           ? "the relay tag is not an address of this relay (its operator has not "
                             "set relay.public_url, so only local ones are known)"
                           : "the relay tag is not the address of this relay");
    }
    return std::nullopt;
}

}  // namespace parrhesia::policy
