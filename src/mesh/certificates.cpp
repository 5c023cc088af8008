#include "parrhesia/mesh/certificates.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <stdexcept>

namespace parrhesia::mesh {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;

// `ok`: what OpenSSL has answered.
void require(bool ok, const char* what) {
    if (ok) return;
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    throw std::runtime_error(fmt::format("{}: {}", what, text.data()));
}

std::string text_of(BIO* memory) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(memory, &data);
    return {data, static_cast<std::size_t>(size)};
}

Certified to_pem(X509* certificate, EVP_PKEY* key) {
    const Memory first(BIO_new(BIO_s_mem()), BIO_free);
    const Memory second(BIO_new(BIO_s_mem()), BIO_free);
    require(
        PEM_write_bio_X509(first.get(), certificate) == 1 &&
            PEM_write_bio_PrivateKey(second.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "a certificate cannot be written");
    return {text_of(first.get()), text_of(second.get())};
}

void extend(X509* certificate, X509* issuer, int extension, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension, value.c_str());
    const bool ok = made != nullptr && X509_add_ext(certificate, made, -1) == 1;
    X509_EXTENSION_free(made);
    require(ok, "an extension of a certificate cannot be made");
}

void set_random_serial(X509* certificate) {
    std::array<unsigned char, 16> bytes{};
    require(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1, "no random numbers");
    bytes[0] &= 0x7FU;  // positive
    BIGNUM* number = BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr);
    const bool ok = number != nullptr &&
                    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
    BN_free(number);
    require(ok, "a serial number cannot be made");
}

// Everything but the extensions and the signature. OpenSSL cuts a common name at 64 characters.
Certificate begin(EVP_PKEY* key, const std::string& common_name, std::chrono::hours valid) {
    constexpr std::chrono::seconds kEarlier = std::chrono::hours(1);
    Certificate made(X509_new(), X509_free);
    const auto* name = reinterpret_cast<const unsigned char*>(common_name.c_str());
    set_random_serial(made.get());
    require(X509_set_version(made.get(), X509_VERSION_3) == 1 &&
                X509_gmtime_adj(X509_getm_notBefore(made.get()), -kEarlier.count()) != nullptr &&
                X509_gmtime_adj(X509_getm_notAfter(made.get()),
                                std::chrono::seconds(valid).count()) != nullptr &&
                X509_set_pubkey(made.get(), key) == 1 &&
                X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                                           name, -1, -1, 0) == 1,
            "a certificate cannot be made");
    return made;
}

}  // namespace

Certified make_authority(const std::string& cluster, std::chrono::hours valid) {
    const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    require(key != nullptr, "no key can be made");
    const Certificate made = begin(key.get(), "parrhesia cluster " + cluster.substr(0, 40), valid);
    X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
    extend(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    extend(made.get(), made.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(made.get(), made.get(), NID_subject_key_identifier, "hash");
    require(X509_sign(made.get(), key.get(), EVP_sha256()) != 0, "a certificate cannot be signed");
    return to_pem(made.get(), key.get());
}

Certified issue_certificate(const Certified& authority, const std::string& name,
                            std::chrono::hours valid) {
    const auto memory = [](const std::string& text) {
        return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
    };
    const Certificate issuer(
        PEM_read_bio_X509(memory(authority.certificate).get(), nullptr, nullptr, nullptr),
        X509_free);
    require(issuer != nullptr, "the authority's certificate cannot be read");
    const Key issuer_key(
        PEM_read_bio_PrivateKey(memory(authority.key).get(), nullptr, nullptr, nullptr),
        EVP_PKEY_free);
    require(issuer_key != nullptr, "the authority's key cannot be read");
    require(X509_check_private_key(issuer.get(), issuer_key.get()) == 1,
            "the authority's key is not that of its certificate");

    const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    require(key != nullptr, "no key can be made");
    const Certificate made = begin(key.get(), name.substr(0, 64), valid);
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get()));
    extend(made.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE");
    extend(made.get(), issuer.get(), NID_key_usage, "critical,digitalSignature");
    extend(made.get(), issuer.get(), NID_ext_key_usage, "serverAuth,clientAuth");
    extend(made.get(), issuer.get(), NID_subject_alt_name, "DNS:" + name);
    extend(made.get(), issuer.get(), NID_authority_key_identifier, "keyid");
    require(X509_sign(made.get(), issuer_key.get(), EVP_sha256()) != 0,
            "a certificate cannot be signed");
    return to_pem(made.get(), key.get());
}

}  // namespace parrhesia::mesh
