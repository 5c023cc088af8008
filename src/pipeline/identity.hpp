// Whom a client has proved to be (NIP-42).
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/policy/viewer.hpp"

#include "pipeline/shard.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace parrhesia::pipeline {

// The challenge of one connection, one for all its life, and the pubkeys that have answered it.
//
// Threading: belongs to the connection's io thread. Lifetime: not beyond the core.
class Identity {
  public:
    // `local_port`: that the client has connected to.
    Identity(const Core& core, std::uint16_t local_port)
        : core_(core), local_port_(local_port), viewer_(core.nobody) {}

    // Not null.
    [[nodiscard]] const std::shared_ptr<const policy::Viewer>& viewer() const noexcept {
        return viewer_;
    }
    [[nodiscard]] bool is_challenged() const noexcept { return !challenge_.empty(); }
    // Makes the challenge, which must be sent. Once.
    [[nodiscard]] const std::string& make_challenge();

    // Adds the pubkey of an AUTH event, whose id is right, or says why not: then nothing changes.
    // Errors: those of policy::check_authentication(), restricted, invalid_signature.
    [[nodiscard]] std::optional<base::Refusal> add(const event::Event& authentication);

  private:
    [[nodiscard]] std::optional<base::Refusal> check(const event::Event& authentication) const;

    const Core& core_;
    const std::uint16_t local_port_;
    std::shared_ptr<const policy::Viewer> viewer_;
    std::string challenge_;  // empty until make_challenge()
};

}  // namespace parrhesia::pipeline
