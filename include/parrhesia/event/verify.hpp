// BIP-340 signatures with libsecp256k1.
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/event/event.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::event {

// True when the event's signature is one of its pubkey over its id. About 45 µs of CPU.
//
// Threading: any thread.
[[nodiscard]] bool verify_signature(const Event& event) noexcept;

// The secret half of a key. Never to be logged.
using SecretKey = base::FixedBytes<struct SecretKeyKind, 32>;

// A key that signs: the relay's own, and those of tests and generators.
//
// Threading: const methods from any thread.
class Keypair {
  public:
    // The key of SHA-256(seed): the same seed gives the same key. Not for real secrets.
    [[nodiscard]] static Keypair from_seed(std::string_view seed);

    // std::nullopt when the number is no secret key: 0, or not below the order of the curve.
    [[nodiscard]] static std::optional<Keypair> from_secret(const SecretKey& secret);

    // A new key from the system's random numbers. Errors: throws std::runtime_error without these.
    [[nodiscard]] static Keypair generate();

    [[nodiscard]] const PubKey& pubkey() const noexcept { return pubkey_; }
    [[nodiscard]] SecretKey secret() const;
    [[nodiscard]] Signature sign(const Id& id) const;

  private:
    Keypair() = default;

    std::array<std::uint8_t, 96> keypair_{};
    PubKey pubkey_;
};

// What an author decides; sign_event() adds id, pubkey and signature. Tags are not empty,
// created_at is not negative, and all strings are UTF-8: what parse_event() would accept.
struct EventDraft {
    std::int64_t created_at = 0;
    Kind kind = 1;
    std::vector<std::vector<std::string>> tags{};
    std::string content{};
};
[[nodiscard]] EventPtr sign_event(const Keypair& keypair, const EventDraft& draft);

}  // namespace parrhesia::event
