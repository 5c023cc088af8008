// [cluster]: off without a word, and refused with the remedy where it would not work.
#include "app/config_load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace parrhesia::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Errors = std::vector<std::string>;

LoadedConfig load_set(std::vector<std::string> assignments) {
    return load_config({std::nullopt, {}, std::move(assignments)});
}

// Of a cluster that has all it needs but for `assignments`.
Errors errors_of(std::vector<std::string> assignments) {
    Errors all{"cluster.enabled=true", "cluster.psk_file=cluster.key"};
    all.insert(all.end(), assignments.begin(), assignments.end());
    return load_set(std::move(all)).errors;
}

TEST(ConfigClusterTest, NeedsOnlyItsSecret) {
    EXPECT_THAT(errors_of({}), IsEmpty());
    EXPECT_FALSE(load_config({}).config.cluster.enabled);
    EXPECT_THAT(load_set({"cluster.enabled=true"}).errors,
                ElementsAre(AllOf(HasSubstr("cluster.psk_file: expected a file"),
                                  HasSubstr("parrhesia cluster keygen"))));
}

TEST(ConfigClusterTest, NothingMattersWhileItIsOff) {
    EXPECT_THAT(load_set({"cluster.tls=off", "cluster.dead_ms=200", "cluster.topology=shared",
                          "cluster.discovery=postgres", "cluster.queue_generic_bytes=65536"})
                    .errors,
                IsEmpty());
}

TEST(ConfigClusterTest, NobodyKnowsWhetherTheOthersHear) {
    EXPECT_THAT(
        errors_of({"relay.mute_unheard=true"}),
        ElementsAre(AllOf(HasSubstr("relay.mute_unheard: expected false"), HasSubstr("cluster"))));
}

TEST(ConfigClusterTest, SourcesOfPeersAreRead) {
    const auto loaded = load_set(
        {"store.engine=postgres", "cluster.enabled=true", "cluster.psk_file=cluster.key",
         "cluster.discovery=static:10.0.0.6:7447,dns:relay.internal:7447,srv:_mesh._tcp.internal,"
         "postgres"});
    ASSERT_THAT(loaded.errors, IsEmpty());
    const auto sources = loaded.config.cluster.parsed_discovery();
    ASSERT_THAT(sources, SizeIs(4));
    EXPECT_EQ(sources[0].target, (mesh::HostPort{"10.0.0.6", 7447}));
    EXPECT_EQ(sources[3].kind, mesh::DiscoverySource::Kind::postgres);
    EXPECT_THAT(load_set({"cluster.discovery=static:10.0.0.6"}).errors,
                ElementsAre(AllOf(HasSubstr("--set: cluster.discovery: expected a list of sources"),
                                  HasSubstr("\"10.0.0.6\" is no address with a port: write"))));
}

TEST(ConfigClusterTest, AutomaticTopologyFollowsTheStore) {
    EXPECT_FALSE(is_database_shared(load_config({}).config));
    EXPECT_TRUE(is_database_shared(load_set({"store.engine=postgres"}).config));
    EXPECT_FALSE(is_database_shared(
        load_set({"store.engine=postgres", "cluster.topology=replicated"}).config));
}

TEST(ConfigClusterTest, TheEmbeddedStoreCannotBeShared) {
    EXPECT_THAT(errors_of({"cluster.topology=shared"}),
                ElementsAre(AllOf(HasSubstr("cluster.topology: expected \"auto\""),
                                  HasSubstr("(store.engine is from the defaults)"))));
    EXPECT_THAT(errors_of({"cluster.discovery=postgres"}),
                ElementsAre(AllOf(HasSubstr("cluster.discovery"), HasSubstr("store.engine"))));
    EXPECT_THAT(errors_of({"cluster.topology=shared", "store.engine=postgres"}), IsEmpty());
}

TEST(ConfigClusterTest, NamesAndAddressesAreChecked) {
    for (const char* name : {"", "a b", "a/b", "\u00e9"}) {
        EXPECT_THAT(errors_of({std::string("cluster.name=") + name}), SizeIs(1)) << name;
    }
    EXPECT_THAT(errors_of({"cluster.name=" + std::string(65, 'a')}), SizeIs(1));
    EXPECT_THAT(errors_of({"cluster.name=" + std::string(64, 'a')}), IsEmpty());
    for (const char* listen : {"", "127.0.0.1", "relay.internal:7447", "::1:7447", "[::1]:99999"}) {
        EXPECT_THAT(errors_of({std::string("cluster.listen=") + listen}),
                    ElementsAre(HasSubstr("cluster.listen: expected an IP address with a port")))
            << listen;
    }
    EXPECT_THAT(errors_of({"cluster.listen=[::1]:0"}), IsEmpty());
    EXPECT_THAT(errors_of({"cluster.advertise=relay-1.internal:7447"}), IsEmpty());
    EXPECT_THAT(errors_of({"cluster.advertise=10.0.0.5:0"}), SizeIs(1));
    EXPECT_THAT(errors_of({"cluster.advertise=10.0.0.5"}), SizeIs(1));
}

TEST(ConfigClusterTest, ARelayOnEveryAddressSaysWhereItIsReached) {
    for (const std::string any : {"0.0.0.0:7447", "[::]:7447"}) {
        EXPECT_THAT(
            errors_of({"cluster.listen=" + any}),
            ElementsAre(AllOf(HasSubstr("cluster.advertise: expected where"), HasSubstr(any))));
        EXPECT_THAT(errors_of({"cluster.listen=" + any, "cluster.advertise=10.0.0.5:7447"}),
                    IsEmpty());
    }
}

TEST(ConfigClusterTest, LinksWithoutTlsMustBeWantedAndStayPrivate) {
    EXPECT_THAT(errors_of({"cluster.tls=off"}),
                ElementsAre(AllOf(HasSubstr("cluster.tls: expected \"psk\" or \"mtls\""),
                                  HasSubstr("cluster.insecure_ok = true"))));
    const auto insecure = [](const std::string& assignment) {
        return errors_of({"cluster.tls=off", "cluster.insecure_ok=true", assignment});
    };
    EXPECT_THAT(insecure("cluster.listen=127.0.0.1:7447"), IsEmpty());
    EXPECT_THAT(insecure("cluster.listen=192.168.1.2:7447"), IsEmpty());
    EXPECT_THAT(insecure("cluster.listen=[fd00::5]:7447"), IsEmpty());
    EXPECT_THAT(insecure("cluster.listen=192.0.2.1:7447"),
                ElementsAre(HasSubstr("cluster.listen: expected a loopback or private address")));
    EXPECT_THAT(insecure("cluster.advertise=relay.example.com:7447"),
                ElementsAre(HasSubstr("cluster.advertise: expected a loopback or private")));
    EXPECT_THAT(insecure("cluster.advertise=10.0.0.5:7447"), IsEmpty());
}

TEST(ConfigClusterTest, CertificatesAreNeededWhereTheyAreUsed) {
    EXPECT_THAT(errors_of({"cluster.tls=mtls", "cluster.ca_file=ca.pem"}),
                ElementsAre(HasSubstr("cluster.cert_file: expected a PEM file"),
                            HasSubstr("cluster.cert_key_file: expected a PEM file")));
    EXPECT_THAT(errors_of({"cluster.tls=mtls", "cluster.ca_file=ca.pem",
                           "cluster.cert_file=relay.pem", "cluster.cert_key_file=relay.key"}),
                IsEmpty());
    EXPECT_THAT(load_set({"cluster.enabled=true", "cluster.tls=mtls", "cluster.ca_file=ca.pem",
                          "cluster.cert_file=relay.pem", "cluster.cert_key_file=relay.key"})
                    .errors,
                ElementsAre(HasSubstr("cluster.psk_file")));
    EXPECT_THAT(errors_of({"cluster.psk_accept=[\"\"]"}),
                ElementsAre(HasSubstr("which names no file")));
}

TEST(ConfigClusterTest, TimesAndSizesMustFitTogether) {
    const auto conflict = [](const std::string& assignment, const std::string& key,
                             const std::string& other) {
        EXPECT_THAT(errors_of({assignment}),
                    ElementsAre(AllOf(HasSubstr(key + ": expected"), HasSubstr(other + " is"))));
    };
    conflict("cluster.suspect_ms=1000", "cluster.suspect_ms", "cluster.heartbeat_ms");
    conflict("cluster.dead_ms=3000", "cluster.dead_ms", "cluster.suspect_ms");
    for (const std::string key : {"cluster.max_frame_bytes", "cluster.queue_generic_bytes",
                                  "cluster.queue_marmot_bytes", "cluster.queue_ephemeral_bytes"}) {
        conflict(key + "=786431", key, "limits.event_bytes");
        EXPECT_THAT(errors_of({key + "=786432"}), IsEmpty()) << key;
    }
    EXPECT_THAT(errors_of({"cluster.max_frame_bytes=16777217"}), SizeIs(1));
    EXPECT_THAT(errors_of({"cluster.max_peers=33"}), SizeIs(1));
}

}  // namespace
}  // namespace parrhesia::app
