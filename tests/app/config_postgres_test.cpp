// [postgres]: connection strings are checked, and their passwords are shown to nobody.
#include "app/config_load.hpp"
#include "app/config_print.hpp"
#include "app/store_factory.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace parrhesia::app {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::string kUri = "postgresql://relay:hunter2@db.example.com/nostr";

LoadedConfig load_set(std::vector<std::string> assignments) {
    return load_config({std::nullopt, {}, std::move(assignments)});
}

TEST(ConfigPostgresTest, ConnectionMayComeFromEverySource) {
    const test::TemporaryFolder folder;
    const std::string path = (folder.path() / "relay.toml").string();
    std::ofstream(path) << "[store]\nengine = \"postgres\"\n[postgres]\nconnection = \"" << kUri
                        << "\"\nreplicas = [\"host=a,b dbname=nostr\"]\n";
    const LoadedConfig file = load_config({path, {}, {}});
    EXPECT_THAT(file.errors, IsEmpty());
    EXPECT_EQ(file.config.postgres.connection, kUri);
    EXPECT_THAT(file.config.postgres.replicas, ElementsAre("host=a,b dbname=nostr"));

    const LoadedConfig variable =
        load_config({std::nullopt, {{"PARRHESIA_POSTGRES_CONNECTION", kUri}}, {}});
    EXPECT_EQ(variable.config.postgres.connection, kUri);
    EXPECT_EQ(load_set({"postgres.connection=" + kUri}).config.postgres.connection, kUri);
    EXPECT_THAT(load_set({"postgres.replicas=[\"host=a,b\", \"host=c\"]"}).config.postgres.replicas,
                ElementsAre("host=a,b", "host=c"));
}

TEST(ConfigPostgresTest, PrintedConfigurationHasNoPassword) {
    const std::string text = effective_toml(
        load_set({"postgres.connection=" + kUri,
                  "postgres.replicas=[\"host=standby.example.com password=hunter2\"]"}));

    EXPECT_THAT(text, AllOf(HasSubstr("db.example.com"), HasSubstr("standby.example.com"),
                            HasSubstr("***"), Not(HasSubstr("hunter2"))));
    EXPECT_THAT(effective_toml(load_config({})), HasSubstr("\nconnection = \"\"  # default\n"));
}

TEST(ConfigPostgresTest, ConnectionThatLibpqCannotReadIsNamedWithTheRemedyAndNotRepeated) {
    for (const std::string value :
         {"postgresql://relay:hunter2@db.example.com/nostr?nonsense=1",
          "host=db.example.com password=hunter2 nonsense=1", "host=db pasword=hunter2", "nostr"}) {
        const auto errors = load_set({"postgres.connection=" + value}).errors;
        EXPECT_THAT(errors, ElementsAre(AllOf(HasSubstr("--set: postgres.connection: expected"),
                                              HasSubstr("libpq cannot read"),
                                              HasSubstr("postgresql://user@host/database"))))
            << value;
        EXPECT_THAT(errors, Each(Not(HasSubstr("hunter2")))) << value;
    }
    EXPECT_THAT(
        load_set({"postgres.replicas=[\"host=a\", \"host=b password=hunter2 nonsense=1\"]"}).errors,
        ElementsAre(AllOf(HasSubstr("postgres.replicas: expected"), HasSubstr("number 2"),
                          Not(HasSubstr("hunter2")))));
}

TEST(ConfigPostgresTest, PasswordsAreNotShownWhereTheMistakeIsAnother) {
    const test::TemporaryFolder folder;
    const std::string path = (folder.path() / "relay.toml").string();
    std::ofstream(path) << "[postgres]\nconnection = [\"" << kUri << "\"]\nreplicas = \"" << kUri
                        << "\"\n";
    EXPECT_THAT(load_config({path, {}, {}}).errors,
                AllOf(SizeIs(2), Each(Not(HasSubstr("hunter2")))));
    for (const std::string& assignment :
         {"postgres.connection " + kUri, "postgres.conection=" + kUri,
          "postgres.connection:" + kUri + "?sslmode=require"}) {
        EXPECT_THAT(load_set({assignment}).errors,
                    AllOf(SizeIs(1), Each(Not(HasSubstr("hunter2")))))
            << assignment;
    }
}

TEST(ConfigPostgresTest, WordsForTheStoreHaveNoPassword) {
    Config config;
    EXPECT_EQ(store_words(config), "lmdb in data");
    config.store.engine = "postgres";
    EXPECT_EQ(store_words(config), "postgres at (libpq's defaults)");
    config.postgres.connection = kUri;
    EXPECT_THAT(store_words(config), AllOf(HasSubstr("db.example.com"), Not(HasSubstr("hunter2"))));
}

TEST(ConfigPostgresTest, EveryKeyReachesTheStore) {
    const Config config =
        load_set({"store.engine=postgres", "postgres.connection=host=a", "store.readers=3",
                  "postgres.replicas=host=b", "postgres.max_replica_lag_ms=1",
                  "postgres.application_name=x", "postgres.connect_timeout_ms=200",
                  "postgres.write_timeout_ms=300", "postgres.idle_in_transaction_ms=4000",
                  "postgres.migrate=false", "postgres.log_retention_hours=5",
                  "store.query_seconds=6", "relay.public_url=wss://relay.example.com",
                  "retention.rules=kinds=1 days=7", "retention.interval_seconds=8"})
            .config;
    const store::PostgresOptions options = postgres_options(config, Purpose::serve);
    EXPECT_EQ(options.connection, "host=a");
    EXPECT_THAT(options.replicas, ElementsAre("host=b"));
    EXPECT_EQ(options.max_replica_lag, std::chrono::milliseconds(1));
    EXPECT_EQ(options.read_connections, 3U);
    EXPECT_EQ(options.application_name, "x");
    EXPECT_EQ(options.connect_timeout, std::chrono::milliseconds(200));
    EXPECT_EQ(options.write_timeout, std::chrono::milliseconds(300));
    EXPECT_EQ(options.idle_in_transaction_timeout, std::chrono::seconds(4));
    EXPECT_FALSE(options.migrate);
    EXPECT_EQ(options.log_retention, std::chrono::hours(5));
    EXPECT_EQ(options.read_timeout, std::chrono::seconds(6));
    EXPECT_THAT(options.relay_urls, SizeIs(1));
    EXPECT_THAT(options.retention, SizeIs(1));
    EXPECT_EQ(options.retention_interval, std::chrono::seconds(8));
    EXPECT_FALSE(options.read_only);
    EXPECT_FALSE(options.must_connect);
}

TEST(ConfigPostgresTest, CommandsNeedTheDatabaseAndAskThePrimary) {
    const Config config = load_set({"postgres.replicas=host=b"}).config;
    const store::PostgresOptions writing = postgres_options(config, Purpose::write);
    EXPECT_TRUE(writing.must_connect);
    EXPECT_FALSE(writing.read_only);
    EXPECT_THAT(writing.replicas, IsEmpty());
    const store::PostgresOptions reading = postgres_options(config, Purpose::read);
    EXPECT_TRUE(reading.must_connect);
    EXPECT_TRUE(reading.read_only);
}

}  // namespace
}  // namespace parrhesia::app
