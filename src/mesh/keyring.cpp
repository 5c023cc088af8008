#include "mesh/keyring.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace parrhesia::mesh {
namespace {

using Digest = std::array<std::uint8_t, 32>;

Digest hmac(std::span<const std::uint8_t> key, std::string_view text) {
    Digest digest;
    unsigned size = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
             &size) == nullptr) {
        throw std::runtime_error("HMAC-SHA-256 is not available");
    }
    return digest;
}

void append_sha256(std::string& out, std::string_view text) {
    Digest digest;
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("SHA-256 is not available");
    }
    out.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

}  // namespace

SharedKey SharedKey::derive(std::span<const std::uint8_t> secret) {
    SharedKey key;
    key.mac_key = hmac(secret, "parrhesia mesh mac v1");
    key.tls_psk = hmac(secret, "parrhesia mesh tls v1");
    const Digest id = hmac(secret, "parrhesia mesh key id v1");
    key.id = protocol::KeyId::from_raw(
        {reinterpret_cast<const char*>(id.data()), protocol::KeyId::kSize});
    return key;
}

SharedKey::~SharedKey() {
    OPENSSL_cleanse(mac_key.data(), mac_key.size());
    OPENSSL_cleanse(tls_psk.data(), tls_psk.size());
}

Keyring::Keyring(SharedKey primary, std::vector<SharedKey> accepted) {
    keys_.reserve(accepted.size() + 1);
    keys_.push_back(std::move(primary));
    for (SharedKey& key : accepted) keys_.push_back(std::move(key));
}

const SharedKey* Keyring::find(const protocol::KeyId& id) const noexcept {
    for (const SharedKey& key : keys_) {
        if (key.id == id) return &key;
    }
    return nullptr;
}

protocol::Mac handshake_mac(const SharedKey& key, HandshakeRole role,
                            std::span<const std::uint8_t, 32> exporter,
                            std::string_view hello_payload, std::string_view acknowledged_part) {
    std::string text = role == HandshakeRole::dialler ? "cli" : "srv";
    text.append(reinterpret_cast<const char*>(exporter.data()), exporter.size());
    append_sha256(text, hello_payload);
    append_sha256(text, acknowledged_part);
    protocol::Mac mac;
    mac.bytes = hmac(key.mac_key, text);
    return mac;
}

bool equal(const protocol::Mac& left, const protocol::Mac& right) noexcept {
    return CRYPTO_memcmp(left.data(), right.data(), left.bytes.size()) == 0;
}

}  // namespace parrhesia::mesh
