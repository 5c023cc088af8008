#include "mesh/tls.hpp"

#include "parrhesia/base/bytes.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstring>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace parrhesia::mesh {
namespace {

namespace ssl = boost::asio::ssl;

constexpr std::string_view kExporterLabel = "EXPORTER-parrhesia-mesh";
constexpr const char* kCipher = "TLS_AES_128_GCM_SHA256";
constexpr unsigned char kCipherNumber[] = {0x13, 0x01};

// Asio keeps its own word in the context's app data, so ours has a place of its own.
int keyring_slot() {
    static const int kSlot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return kSlot;
}

const Keyring& keyring_of(SSL* session) {
    return *static_cast<const Keyring*>(
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), keyring_slot()));
}

std::string openssl_error() {
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    return text.data();
}

// A session as if it had been agreed on before: an external PSK (RFC 8446, section 4.2.11).
SSL_SESSION* session_of(SSL* session, const SharedKey& key) {
    const SSL_CIPHER* cipher = SSL_CIPHER_find(session, kCipherNumber);
    SSL_SESSION* made = SSL_SESSION_new();
    if (made == nullptr || cipher == nullptr ||
        SSL_SESSION_set1_master_key(made, key.tls_psk.data(), key.tls_psk.size()) != 1 ||
        SSL_SESSION_set_cipher(made, cipher) != 1 ||
        SSL_SESSION_set_protocol_version(made, TLS1_3_VERSION) != 1) {
        SSL_SESSION_free(made);
        return nullptr;
    }
    return made;
}

// The dialler's side: its primary key. `identity` must live as long as the handshake.
int use_key(SSL* session, const EVP_MD* digest, const unsigned char** identity,
            std::size_t* identity_size, SSL_SESSION** made) {
    *made = nullptr;
    *identity = nullptr;
    *identity_size = 0;
    if (digest != nullptr && EVP_MD_get_type(digest) != NID_sha256) return 1;  // not with our key
    const SharedKey& key = keyring_of(session).primary();
    *made = session_of(session, key);
    *identity = key.id.data();
    *identity_size = protocol::KeyId::kSize;
    return *made == nullptr ? 0 : 1;
}

int find_key(SSL* session, const unsigned char* identity, std::size_t identity_size,
             SSL_SESSION** made) {
    *made = nullptr;
    if (identity_size != protocol::KeyId::kSize) return 1;
    const auto id =
        protocol::KeyId::from_raw({reinterpret_cast<const char*>(identity), identity_size});
    const SharedKey* key = keyring_of(session).find(id);
    if (key == nullptr) return 1;  // nobody we know; the handshake fails for want of a certificate
    *made = session_of(session, *key);
    return *made == nullptr ? 0 : 1;
}

void use_files(SSL_CTX* context, const TlsOptions& options) {
    const auto fail = [](const char* key, const std::string& file, const char* remedy) {
        throw std::runtime_error(
            fmt::format("{} = \"{}\": {}; {}", key, file, openssl_error(), remedy));
    };
    if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
        fail("cluster.cert_file", options.certificate_file,
             "it must hold this node's certificate in PEM form");
    }
    if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        fail("cluster.cert_key_file", options.key_file,
             "it must hold the key of cluster.cert_file in PEM form");
    }
    if (SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) != 1) {
        fail("cluster.ca_file", options.ca_file,
             "it must hold the certificate that signed those of all nodes");
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

std::vector<std::string> names_in(SSL* session) {
    std::vector<std::string> names;
    X509* certificate = SSL_get1_peer_certificate(session);
    if (certificate == nullptr) return names;
    auto* list = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
        if (name->type != GEN_DNS) continue;
        const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
        names.emplace_back(text, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    }
    GENERAL_NAMES_free(list);
    X509_free(certificate);
    return names;
}

}  // namespace

std::unique_ptr<ssl::context> make_tls_context(const TlsOptions& options, const Keyring& keyring) {
    auto context = std::make_unique<ssl::context>(ssl::context::tls);
    SSL_CTX* native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
    SSL_CTX_set_num_tickets(native, 0);  // links are few, and each proves itself
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): OpenSSL has one type for its slots
    SSL_CTX_set_ex_data(native, keyring_slot(), const_cast<Keyring*>(&keyring));
    if (SSL_CTX_set_ciphersuites(native, kCipher) != 1) {
        throw std::runtime_error(fmt::format("OpenSSL does not offer {}", kCipher));
    }
    if (options.mode == Tls::psk) {
        SSL_CTX_set_psk_use_session_callback(native, use_key);
        SSL_CTX_set_psk_find_session_callback(native, find_key);
    } else {
        use_files(native, options);
    }
    return context;
}

Channel channel_of(SSL* session, Tls mode) {
    Channel channel;
    if (SSL_export_keying_material(session, channel.exporter.data(), channel.exporter.size(),
                                   kExporterLabel.data(), kExporterLabel.size(), nullptr, 0,
                                   0) != 1) {
        throw std::runtime_error("TLS gives no exporter: " + openssl_error());
    }
    if (mode == Tls::mtls) channel.certified = names_in(session);
    return channel;
}

}  // namespace parrhesia::mesh
