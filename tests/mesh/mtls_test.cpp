// Links by certificates, and the certificates that we make for them.
#include "parrhesia/base/log.hpp"
#include "parrhesia/mesh/certificates.hpp"
#include "parrhesia/mesh/mesh.hpp"

#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::mesh {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::hours kValid{1};

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

    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path(name)) << text;
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    // A node `number` whose certificate names `named`, and who trusts `trusted`.
    std::unique_ptr<Mesh> start(std::uint8_t number, std::uint8_t named, const Certified& signer,
                                const Certified& trusted, const Mesh* target = nullptr) {
        const std::string prefix = std::to_string(number);
        // Of those that differ in nothing else, one has a domain behind the id.
        const std::string name =
            base::to_hex(node_of(named)) + (number == 1 ? ".relay.example" : "");
        const Certified own = issue_certificate(signer, name, kValid);
        write(prefix + ".crt", own.certificate);
        write(prefix + ".key", own.key);
        write(prefix + ".ca", trusted.certificate);
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
    const Certified authority_ = make_authority("test", kValid);
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
    const Certified other = make_authority("test", kValid);
    const auto first = start(1, 1, authority_, authority_);
    const auto second = start(2, 2, other, authority_, first.get());
    EXPECT_TRUE(wait_for(
        [&] { return counter("parrhesia_mesh_dials_total", "Connections tried to peers") >= 4; }));
    EXPECT_EQ(up(*first) + up(*second), 0U);
}

TEST_F(MutualTlsTest, ACertificateThatHasExpiredIsRefused) {
    const auto first = start(1, 1, authority_, authority_);
    MeshOptions options;
    const Certified old =
        issue_certificate(authority_, base::to_hex(node_of(2)), std::chrono::hours(0));
    write("2.crt", old.certificate);
    write("2.key", old.key);
    options.cluster = "test";
    options.node = node_of(2);
    options.boot = 1;
    options.listen_port = 0;
    options.tls = Tls::mtls;
    options.secret.fill(5);
    options.certificate_file = path("2.crt");
    options.certificate_key_file = path("2.key");
    options.ca_file = path("1.ca");
    options.targets.push_back("127.0.0.1:" + std::to_string(first->port()));
    Mesh second(options, sink_, registry_);
    second.start();
    EXPECT_TRUE(wait_for(
        [&] { return counter("parrhesia_mesh_dials_total", "Connections tried to peers") >= 4; }));
    EXPECT_EQ(up(*first) + up(second), 0U);
}

TEST(CertificatesTest, AnAuthorityThatIsNoneIsRefused) {
    const Certified one = make_authority("test", kValid);
    const Certified other = make_authority("test", kValid);
    EXPECT_THROW(static_cast<void>(issue_certificate({"", ""}, "a", kValid)), std::runtime_error);
    EXPECT_THROW(static_cast<void>(issue_certificate({one.certificate, ""}, "a", kValid)),
                 std::runtime_error);
    EXPECT_THROW(static_cast<void>(issue_certificate({one.certificate, other.key}, "a", kValid)),
                 std::runtime_error)
        << "the key of another authority";
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
