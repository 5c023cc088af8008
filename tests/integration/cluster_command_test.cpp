// "parrhesia cluster", as operators see it.
#include "parrhesia/base/bytes.hpp"
#include "parrhesia/mesh/cluster_secret.hpp"
#include "parrhesia/mesh/status.hpp"

#include "app/exit_code.hpp"
#include "integration/support/command.hpp"
#include "integration/support/relay_process.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

test::Ended run(std::vector<std::string> arguments,
                const std::vector<std::string>& environment = {}) {
    arguments.insert(arguments.begin(), "cluster");
    return test::run_command(arguments, environment);
}

TEST(ClusterCommandTest, KeygenMakesAFileThatARelayTakes) {
    const test::TemporaryFolder folder;
    const std::string file = (folder.path() / "cluster.key").string();

    // Where a configuration already asks for the secret that is to be made.
    const test::Ended made = run({"keygen", "--out", file}, {"PARRHESIA_CLUSTER_ENABLED=true"});
    EXPECT_EQ(made.code, kExitOk) << made.err;
    EXPECT_THAT(made.out, IsEmpty());
    EXPECT_THAT(made.err, AllOf(HasSubstr(file), HasSubstr("cluster.psk_file = ")));
    const auto secret = mesh::read_cluster_secret(file);

    const test::Ended again = run({"keygen", "--out", file});
    EXPECT_EQ(again.code, kExitFailure);
    EXPECT_THAT(again.err, AllOf(HasSubstr(file), HasSubstr("name a new file")));
    EXPECT_EQ(mesh::read_cluster_secret(file), secret);
}

TEST(ClusterCommandTest, KeygenPrintsADifferentSecretEachTime) {
    const test::Ended one = run({"keygen"});
    EXPECT_EQ(one.code, kExitOk);
    EXPECT_THAT(one.out, MatchesRegex("[0-9a-f]+\n"));
    EXPECT_EQ(one.out.size(), 65U);
    EXPECT_THAT(one.err, HasSubstr("cluster.psk_file"));
    EXPECT_NE(one.out, run({"keygen"}).out);
}

TEST(ClusterCommandTest, AFileThatCannotBeMadeIsNamed) {
    const test::Ended ended = run({"keygen", "--out", "/nonexistent/cluster.key"});
    EXPECT_EQ(ended.code, kExitFailure);
    EXPECT_THAT(ended.err, HasSubstr("/nonexistent/cluster.key"));
}

TEST(ClusterCommandTest, WrongUsageIsTold) {
    EXPECT_EQ(run({}).code, kExitUsage);
    EXPECT_EQ(run({"keygen", "extra"}).code, kExitUsage);
}

std::string admin_of(const test::RelayProcess& relay) {
    return "127.0.0.1:" + std::to_string(relay.admin_port());
}

std::vector<std::string> in_cluster(const test::TemporaryFolder& folder) {
    const auto key = folder.path() / "cluster.key";
    EXPECT_TRUE(mesh::write_cluster_secret(key, mesh::make_cluster_secret()));
    return {"cluster.enabled=true", "cluster.psk_file=" + key.string(),
            "cluster.listen=127.0.0.1:0"};
}

TEST(ClusterCommandTest, StatusAsksTheRunningRelay) {
    const test::TemporaryFolder folder;
    std::vector<std::string> settings = in_cluster(folder);
    const test::RelayProcess first(settings);
    const test::Ended alone = run({"status", "--admin", admin_of(first)});
    EXPECT_EQ(alone.code, kExitDegraded) << alone.err;
    EXPECT_THAT(alone.out, HasSubstr("ALONE: "));

    settings.push_back("cluster.discovery=static:127.0.0.1:" + std::to_string(first.mesh_port()));
    const test::RelayProcess second(settings);
    test::Ended together;
    EXPECT_TRUE(test::becomes([&] {
        together = run({"status", "--set", "admin.port=" + std::to_string(second.admin_port())});
        return together.code == kExitOk;
    })) << together.out
        << together.err;
    EXPECT_THAT(together.out, HasSubstr("all relays see each other"));

    const test::Ended id = run({"id", "--set", "store.path=" + first.store_path().string()});
    EXPECT_EQ(id.code, kExitOk) << id.err;
    EXPECT_THAT(together.out, HasSubstr("\n" + id.out.substr(0, 8) + "  127.0.0.1:"));

    const test::Ended json = run({"status", "--json", "--admin", admin_of(first)});
    const auto status = mesh::parse_status(json.out);
    ASSERT_TRUE(status) << json.out;
    EXPECT_EQ(base::to_hex(status->node) + "\n", id.out);
}

TEST(ClusterCommandTest, CertificatesOfOneAuthorityLinkRelays) {
    const test::TemporaryFolder folder;
    const auto at = [&](const std::string& name) { return (folder.path() / name).string(); };
    std::vector<std::string> common = in_cluster(folder);
    common.emplace_back("cluster.tls=mtls");
    std::vector<std::unique_ptr<test::RelayProcess>> relays;
    for (const std::string name : {"one", "two"}) {
        const std::string store = "store.path=" + at("store-" + name);
        const test::Ended id = run({"id", "--set", store});
        ASSERT_EQ(id.code, kExitOk) << id.err;
        const test::Ended made = run({"certificate", "--authority", at("ca"), "--node",
                                      id.out.substr(0, 32), "--out", at(name)});
        ASSERT_EQ(made.code, kExitOk) << made.err;
        std::vector<std::string> settings = common;
        settings.insert(settings.end(), {store, "cluster.cert_file=" + at(name) + "/relay.pem",
                                         "cluster.cert_key_file=" + at(name) + "/relay.key",
                                         "cluster.ca_file=" + at(name) + "/ca.pem"});
        if (!relays.empty()) {
            settings.push_back("cluster.discovery=static:127.0.0.1:" +
                               std::to_string(relays[0]->mesh_port()));
        }
        relays.push_back(std::make_unique<test::RelayProcess>(settings));
    }
    EXPECT_TRUE(relays[0]->metric_becomes("parrhesia_mesh_peers{state=\"up\"}", 1));

    const test::Ended again = run({"certificate", "--authority", at("ca"), "--node",
                                   std::string(32, 'a'), "--out", at("one")});
    EXPECT_EQ(again.code, kExitFailure) << "what is there may be in use";
    EXPECT_THAT(again.err, HasSubstr(at("one")));
    const test::Ended no_id =
        run({"certificate", "--authority", at("ca"), "--node", "relay-1", "--out", at("three")});
    EXPECT_EQ(no_id.code, kExitFailure);
    EXPECT_THAT(no_id.err, HasSubstr("relay-1"));
}

TEST(ClusterCommandTest, StatusSaysWhyThereIsNone) {
    const test::RelayProcess single;
    const test::Ended off = run({"status", "--admin", admin_of(single)});
    EXPECT_EQ(off.code, kExitFailure);
    EXPECT_THAT(off.err, AllOf(HasSubstr(admin_of(single)), HasSubstr("cluster.enabled")));

    const std::string clients = "127.0.0.1:" + std::to_string(single.port());
    const test::Ended wrong = run({"status", "--admin", clients});
    EXPECT_EQ(wrong.code, kExitFailure);
    EXPECT_THAT(wrong.err, HasSubstr(clients));

    const test::Ended gone = run({"status", "--admin", "127.0.0.1:1"});
    EXPECT_EQ(gone.code, kExitFailure);
    EXPECT_THAT(gone.err, AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("Does the relay run")));

    const test::Ended no_listener = run({"status", "--set", "admin.port=0"});
    EXPECT_EQ(no_listener.code, kExitFailure);
    EXPECT_THAT(no_listener.err, HasSubstr("--admin HOST:PORT"));

    const test::Ended no_address = run({"status", "--admin", "nowhere"});
    EXPECT_EQ(no_address.code, kExitFailure);
    EXPECT_THAT(no_address.err, HasSubstr("nowhere"));
}

}  // namespace
}  // namespace parrhesia::app
