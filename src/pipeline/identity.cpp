#include "pipeline/identity.hpp"

#include "parrhesia/event/verify.hpp"
#include "parrhesia/policy/authentication.hpp"

#include <array>
#include <random>
#include <utility>
#include <vector>

namespace parrhesia::pipeline {

using base::Errc;
using base::Refusal;

// 128 bits that nobody can foresee.
const std::string& Identity::make_challenge() {
    std::random_device device;
    std::array<std::uint8_t, 16> bytes;
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(device());
    challenge_.clear();
    base::append_hex(challenge_, bytes);
    return challenge_;
}

std::optional<Refusal> Identity::add(const event::Event& authentication) {
    if (auto refusal = check(authentication)) return refusal;
    const event::PubKey pubkey = authentication.pubkey();
    if (viewer_->is(pubkey)) return std::nullopt;
    std::vector<event::PubKey> pubkeys = viewer_->pubkeys();
    pubkeys.push_back(pubkey);
    viewer_ = std::make_shared<const policy::Viewer>(core_.clock, std::move(pubkeys));
    return std::nullopt;
}

std::optional<Refusal> Identity::check(const event::Event& authentication) const {
    const RelayOptions& options = core_.options;
    if (auto refusal = policy::check_authentication(authentication.view(), challenge_,
                                                    {options.relay_urls, local_port_},
                                                    core_.clock.unix_seconds())) {
        return refusal;
    }
    const event::PubKey pubkey = authentication.pubkey();
    if (options.access.denies(pubkey)) {
        return Refusal{Errc::restricted, "this pubkey may not use this relay"};
    }
    if (!viewer_->is(pubkey) && viewer_->pubkeys().size() >= options.max_pubkeys) {
        return Refusal{
            Errc::restricted,
            "this connection has authenticated as many pubkeys as one may; open another"};
    }
    if (!event::verify_signature(authentication)) {
        return Refusal{Errc::invalid_signature, make_error_code(Errc::invalid_signature).message()};
    }
    return std::nullopt;
}

}  // namespace parrhesia::pipeline
