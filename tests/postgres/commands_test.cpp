// The commands and the relay on a PostgreSQL database, as operators see them.
#include "parrhesia/store/postgres_store.hpp"

#include "app/exit_code.hpp"
#include "integration/support/command.hpp"
#include "integration/support/relay_process.hpp"
#include "integration/support/ws_client.hpp"
#include "support/postgres_server.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

namespace parrhesia::app {
namespace {

using test::ChildProcess;
using test::Ended;
using test::run_command;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The server trusts everybody, so any password will do; none may be seen again.
std::string with_password(const std::string& connection) {
    return connection + " password=hunter2";
}

class PostgresCommandTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::vector<std::string> environment() const {
        return {"PARRHESIA_STORE_ENGINE=postgres", "PARRHESIA_POSTGRES_CONNECTION=" + connection_};
    }
    [[nodiscard]] Ended run(const std::vector<std::string>& arguments) const {
        Ended ended = run_command(arguments, environment());
        EXPECT_THAT(ended.out + ended.err, Not(HasSubstr("hunter2")));
        return ended;
    }
    [[nodiscard]] std::string file(const std::string& name) const {
        return (folder_.path() / name).string();
    }
    [[nodiscard]] std::string corpus(int count) const {
        const std::string path = file("corpus.jsonl");
        EXPECT_EQ(run({"generate", "--count", std::to_string(count), "--out", path}).code, kExitOk);
        return path;
    }
    // As `export` writes it.
    [[nodiscard]] std::string exported() const {
        const Ended ended = run({"export"});
        EXPECT_EQ(ended.code, kExitOk) << ended.err;
        return ended.out;
    }
    [[nodiscard]] std::string exported(const std::string& folder) const {
        const Ended ended =
            run({"export", "--set", "store.engine=lmdb", "--set", "store.path=" + file(folder)});
        EXPECT_EQ(ended.code, kExitOk) << ended.err;
        return ended.out;
    }
    void make_embedded(const std::string& folder, int count) const {
        const Ended imported = run({"import", corpus(count), "--set", "store.engine=lmdb", "--set",
                                    "store.path=" + file(folder)});
        ASSERT_EQ(imported.code, kExitOk) << imported.err;
    }

    const std::string connection_ = with_password(test::shared_postgres().make_database());
    const test::TemporaryFolder folder_;
};

TEST_F(PostgresCommandTest, MigrateMakesTheSchemaOnceAndStatusTells) {
    const std::string needed = std::to_string(store::postgres_schema_version());
    const Ended before = run({"db", "status"});
    EXPECT_EQ(before.code, kExitFailure);
    EXPECT_THAT(before.err, HasSubstr("parrhesia db migrate"));

    const Ended first = run({"db", "migrate", "--set", "postgres.migrate=false"});
    EXPECT_EQ(first.code, kExitOk) << first.err;
    EXPECT_EQ(first.out, "schema: 0 -> " + needed + "\n");
    EXPECT_EQ(run({"db", "migrate"}).out, "schema: " + needed + ", up to date\n");

    const Ended after = run({"db", "status"});
    EXPECT_EQ(after.code, kExitOk) << after.err;
    EXPECT_THAT(after.out, AllOf(HasSubstr("store: postgres at "), HasSubstr("schema: " + needed),
                                 HasSubstr("\nevents: 0\n")));
}

TEST_F(PostgresCommandTest, WithoutMigrationNothingIsMadeByTheWay) {
    const Ended ended = run({"import", corpus(10), "--set", "postgres.migrate=false"});
    EXPECT_EQ(ended.code, kExitFailure);
    EXPECT_THAT(ended.err, HasSubstr("parrhesia db migrate"));
}

TEST_F(PostgresCommandTest, CorpusGoesInAndComesOutAsOfTheEmbeddedStore) {
    make_embedded("lmdb", 1200);
    const Ended imported = run({"import", file("corpus.jsonl")});
    ASSERT_EQ(imported.code, kExitOk) << imported.err;
    EXPECT_THAT(imported.out, StartsWith("1200 lines read: "));

    EXPECT_EQ(exported(), exported("lmdb"));
    EXPECT_EQ(run({"scan", R"({"kinds":[1],"limit":3})"}).out,
              run({"scan", R"({"kinds":[1],"limit":3})", "--set", "store.engine=lmdb", "--set",
                   "store.path=" + file("lmdb")})
                  .out);
}

TEST_F(PostgresCommandTest, CopyGoesBothWays) {
    make_embedded("lmdb", 1500);
    const Ended there = run({"db", "copy", "--from", "lmdb:" + file("lmdb"), "--to", "config"});
    ASSERT_EQ(there.code, kExitOk) << there.err;
    EXPECT_EQ(exported(), exported("lmdb"));
    EXPECT_THAT(run({"db", "copy", "--from", "lmdb:" + file("lmdb"), "--to", "config"}).out,
                HasSubstr(" 0 stored"));

    const Ended back =
        run({"db", "copy", "--from", "postgres:" + connection_, "--to", "lmdb:" + file("back")});
    ASSERT_EQ(back.code, kExitOk) << back.err;
    EXPECT_EQ(exported("back"), exported("lmdb"));
}

TEST_F(PostgresCommandTest, CopyStopsOnSignalAndGoesOn) {
    make_embedded("lmdb", 5000);
    const std::string progress = file("copy.progress");
    std::vector<std::string> copy = {"db",   "copy",   "--from",   "lmdb:" + file("lmdb"),
                                     "--to", "config", "--resume", progress};
    {
        std::vector<std::string> slow = copy;  // one event in a transaction
        slow.insert(slow.end(), {"--set", "store.max_batch_events=1"});
        ChildProcess process(PARRHESIA_BINARY, slow, environment());
        ASSERT_TRUE(test::becomes([&progress] { return std::filesystem::exists(progress); }))
            << process.errors();
        process.signal(SIGTERM);
        EXPECT_EQ(process.wait(), kExitSignalBase + SIGTERM) << process.output();
    }
    const Ended rest = run(copy);
    EXPECT_EQ(rest.code, kExitOk) << rest.err;
    EXPECT_THAT(rest.err, HasSubstr("going on after "));
    EXPECT_EQ(exported(), exported("lmdb"));
}

TEST_F(PostgresCommandTest, RelayStartsWithoutItsDatabaseAndSaysWhenItIsReady) {
    test::PostgresServer server;
    const std::string connection = with_password(server.make_database());
    server.stop();
    test::RelayProcess relay({"store.engine=postgres", "postgres.connection=" + connection});
    EXPECT_TRUE(relay.log_has("password=***"));
    const auto away = test::http_get(relay.admin_port(), "/ready");
    EXPECT_EQ(away.status, 503U);
    EXPECT_THAT(away.body, StartsWith("store: "));
    EXPECT_EQ(test::http_get(relay.admin_port(), "/health").status, 200U);

    server.start();
    EXPECT_TRUE(test::becomes(
        [&relay] { return test::http_get(relay.admin_port(), "/ready").status == 200; }));
    EXPECT_TRUE(std::filesystem::exists(relay.store_path() / "relay.key"));
    EXPECT_EQ(relay.terminate(), kExitOk);
}

}  // namespace
}  // namespace parrhesia::app
