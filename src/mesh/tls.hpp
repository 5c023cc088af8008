// TLS 1.3 for the links: by a key that both sides have, or by certificates of both.
#pragma once

#include "parrhesia/mesh/options.hpp"

#include "mesh/channel.hpp"
#include "mesh/keyring.hpp"

#include <boost/asio/ssl/context.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace parrhesia::mesh {

struct TlsOptions {
    Tls mode = Tls::psk;
    // PEM files, for mtls:
    std::string certificate_file;
    std::string key_file;
    std::string ca_file;
};

// For both sides of links. `keyring` outlives it and every connection made with it.
// Errors: std::runtime_error that names the file and the remedy.
[[nodiscard]] std::unique_ptr<boost::asio::ssl::context> make_tls_context(const TlsOptions& options,
                                                                          const Keyring& keyring);

// What a finished handshake says.
// Errors: std::runtime_error when OpenSSL has no exporter for it.
[[nodiscard]] Channel channel_of(SSL* session, Tls mode);

}  // namespace parrhesia::mesh
