// Links by certificates: made here, with an authority of their own.
#include "parrhesia/base/log.hpp"
#include "parrhesia/mesh/mesh.hpp"

#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::mesh {
namespace {

using namespace std::chrono_literals;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using File = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

Key new_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

void extend(X509* certificate, X509* issuer, int extension, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension, value.c_str());
    X509_add_ext(certificate, made, -1);
    X509_EXTENSION_free(made);
}

Certificate new_certificate(EVP_PKEY* key, const std::string& name, X509* issuer,
                            EVP_PKEY* issuer_key) {
    Certificate made(X509_new(), X509_free);
    X509_set_version(made.get(), X509_VERSION_3);
    static long serial = 1;
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
    X509_set_pubkey(made.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    const bool is_authority = issuer == nullptr;
    X509* by = is_authority ? made.get() : issuer;
    X509_set_issuer_name(made.get(), X509_get_subject_name(by));
    extend(made.get(), by, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!is_authority) extend(made.get(), by, NID_subject_alt_name, "DNS:" + name);
    X509_sign(made.get(), issuer_key, EVP_sha256());
    return made;
}

struct Authority {
    Key key = new_key();
    Certificate certificate = new_certificate(key.get(), "authority", nullptr, key.get());
};

struct Sink final : RemoteSink {
    void take(std::vector<fanout::Published> /*events*/, std::function<void()> done) override {
        done();
    }
};

base::NodeId node_of(std::uint8_t number) {
    base::NodeId node;
    node.bytes.fill(number);
    return node;
}

class MutualTlsTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        base::log::configure(base::log::Level::error, base::log::Format::text);
    }

    void write(const std::string& name, const std::function<int(std::FILE*)>& how) {
        const File file(std::fopen(path(name).c_str(), "w"), std::fclose);
        ASSERT_EQ(how(file.get()), 1);
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    // A node `number` whose certificate names `named`, and who trusts `trusted`.
    std::unique_ptr<Mesh> start(std::uint8_t number, std::uint8_t named, const Authority& signer,
                                const Authority& trusted, const Mesh* target = nullptr) {
        const std::string prefix = std::to_string(number);
        const Key key = new_key();
        const Certificate certificate =
            new_certificate(key.get(), base::to_hex(node_of(named)) + ".relay.example",
                            signer.certificate.get(), signer.key.get());
        write(prefix + ".crt",
              [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
        write(prefix + ".key", [&](std::FILE* file) {
            return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
        write(prefix + ".ca",
              [&](std::FILE* file) { return PEM_write_X509(file, trusted.certificate.get()); });
        MeshOptions options;
        options.cluster = "test";
        options.node = node_of(number);
        options.boot = 1;
        options.listen_port = 0;
        options.tls = Tls::mtls;
        options.secret.fill(5);
        options.certificate_file = path(prefix + ".crt");
        options.certificate_key_file = path(prefix + ".key");
        options.ca_file = path(prefix + ".ca");
        if (target != nullptr) {
            options.targets.push_back("127.0.0.1:" + std::to_string(target->port()));
        }
        auto mesh = std::make_unique<Mesh>(options, sink_, registry_);
        mesh->start();
        return mesh;
    }
    static std::size_t up(const Mesh& mesh) {
        std::size_t count = 0;
        for (const auto& peer : mesh.status().peers) count += peer.state == "up" ? 1U : 0U;
        return count;
    }
    static bool wait_for(const std::function<bool()>& condition) {
        for (const auto end = std::chrono::steady_clock::now() + 60s;
             std::chrono::steady_clock::now() < end;) {
            if (condition()) return true;
            std::this_thread::sleep_for(2ms);
        }
        return condition();
    }
    std::uint64_t counter(const char* name, const char* help, base::Labels labels = {}) {
        return registry_.counter(name, help, std::move(labels)).value();
    }

    const test::TemporaryFolder folder_;
    const Authority authority_;
    base::MetricsRegistry registry_;
    Sink sink_;
};

TEST_F(MutualTlsTest, NodesOfOneAuthorityComeUp) {
    const auto first = start(1, 1, authority_, authority_);
    const auto second = start(2, 2, authority_, authority_, first.get());
    EXPECT_TRUE(wait_for([&] { return up(*first) == 1 && up(*second) == 1; }));
}

TEST_F(MutualTlsTest, ACertificateOfAnotherNodeIsRefused) {
    const auto first = start(1, 1, authority_, authority_);
    const auto second = start(2, 9, authority_, authority_, first.get());
    EXPECT_TRUE(wait_for([&] {
        return counter("parrhesia_mesh_handshake_failures_total",
                       "Handshakes refused by either side, by reason", {{"code", "auth"}}) >= 2;
    })) << "both sides count it";
    EXPECT_EQ(up(*first) + up(*second), 0U);
}

TEST_F(MutualTlsTest, ACertificateOfAnotherAuthorityIsRefused) {
    const Authority other;
    const auto first = start(1, 1, authority_, authority_);
    const auto second = start(2, 2, other, authority_, first.get());
    EXPECT_TRUE(wait_for(
        [&] { return counter("parrhesia_mesh_dials_total", "Connections tried to peers") >= 4; }));
    EXPECT_EQ(up(*first) + up(*second), 0U);
}

TEST_F(MutualTlsTest, AFileThatIsMissingIsNamed) {
    MeshOptions options;
    options.listen_port = 0;
    options.tls = Tls::mtls;
    options.certificate_file = path("nowhere.crt");
    try {
        const Mesh mesh(options, sink_, registry_);
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("cluster.cert_file"));
        EXPECT_THAT(error.what(), testing::HasSubstr("nowhere.crt"));
    }
}

}  // namespace
}  // namespace parrhesia::mesh
