// The secrets that the relays of a cluster share, and what is proved with them (docs/wire.md).
#pragma once

#include "parrhesia/protocol/peer_message.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace parrhesia::mesh {

// What one secret is used for; each use has a key of its own. Wiped at its end.
struct SharedKey {
    protocol::KeyId id;
    std::array<std::uint8_t, 32> mac_key{};
    std::array<std::uint8_t, 32> tls_psk{};

    // `secret`: 32 random bytes.
    [[nodiscard]] static SharedKey derive(std::span<const std::uint8_t> secret);

    SharedKey() = default;
    SharedKey(const SharedKey&) = default;
    SharedKey& operator=(const SharedKey&) = default;
    ~SharedKey();
};

// One key to begin handshakes with, and those that are accepted beside it, so that a key can be
// changed node by node.
//
// Threading: const methods from any thread.
class Keyring {
  public:
    explicit Keyring(SharedKey primary, std::vector<SharedKey> accepted = {});
    [[nodiscard]] const SharedKey& primary() const noexcept { return keys_.front(); }
    // The primary is among them; null: not one of ours.
    [[nodiscard]] const SharedKey* find(const protocol::KeyId& id) const noexcept;

  private:
    std::vector<SharedKey> keys_;  // the primary first
};

enum class HandshakeRole : std::uint8_t { dialler, acceptor };

// HMAC-SHA-256 over the role, the TLS exporter and both HELLOs: a proof cannot be reflected, moved
// to another connection, or kept while versions and features are changed.
[[nodiscard]] protocol::Mac handshake_mac(const SharedKey& key, HandshakeRole role,
                                          std::span<const std::uint8_t, 32> exporter,
                                          std::string_view hello_payload,
                                          std::string_view acknowledged_part);

// In a time that does not depend on the contents.
[[nodiscard]] bool equal(const protocol::Mac& left, const protocol::Mac& right) noexcept;

}  // namespace parrhesia::mesh
