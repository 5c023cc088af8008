// "parrhesia db" as scripts see it.
#include "app/exit_code.hpp"
#include "integration/support/command.hpp"
#include "integration/support/process.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace parrhesia::app {
namespace {

using test::ChildProcess;
using test::Ended;
using test::run_command;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class DbCommandTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::string file(const std::string& name) const {
        return (folder_.path() / name).string();
    }
    [[nodiscard]] std::string folder(const std::string& name) const {
        return "store.path=" + file(name);
    }
    [[nodiscard]] std::string exported(const std::string& name) const {
        const Ended ended = run_command({"export", "--set", folder(name)});
        EXPECT_EQ(ended.code, kExitOk) << ended.err;
        return ended.out;
    }
    // A store with a corpus of so many events, of which some replace others.
    void make_store(const std::string& name, int count) const {
        const std::string corpus = file("corpus.jsonl");
        ASSERT_EQ(run_command({"generate", "--count", std::to_string(count), "--out", corpus}).code,
                  kExitOk);
        const Ended imported = run_command({"import", corpus, "--set", folder(name)});
        ASSERT_EQ(imported.code, kExitOk) << imported.err;
    }

    const test::TemporaryFolder folder_;
};

TEST_F(DbCommandTest, CopyGivesTheSameStoreAndMayBeRepeated) {
    make_store("from", 1500);
    const std::string all = exported("from");
    const std::vector<std::string> copy = {"db",   "copy",   "--from", "lmdb:" + file("from"),
                                           "--to", "config", "--set",  folder("to")};

    const Ended first = run_command(copy);
    EXPECT_EQ(first.code, kExitOk) << first.err;
    EXPECT_THAT(first.out, AllOf(HasSubstr(" events read: "), HasSubstr(" 0 duplicates"),
                                 HasSubstr("the target has ")));
    EXPECT_EQ(exported("to"), all);

    const Ended second = run_command(copy);
    EXPECT_EQ(second.code, kExitOk) << second.err;
    EXPECT_THAT(second.out, HasSubstr(" 0 stored"));
    EXPECT_EQ(exported("to"), all);
}

TEST_F(DbCommandTest, CopyStopsOnSignalAndGoesOn) {
    make_store("from", 5000);
    const std::string all = exported("from");
    const std::string progress = file("copy.progress");
    // One event in a transaction: slow enough to be met at work.
    const std::vector<std::string> copy = {
        "db",       "copy",   "--from", "lmdb:" + file("from"),    "--to", "lmdb:" + file("to"),
        "--resume", progress, "--set",  "store.max_batch_events=1"};
    for (const int signal : {SIGINT, SIGTERM}) {
        auto before = std::filesystem::file_time_type::min();
        std::error_code none;
        if (std::filesystem::exists(progress)) {
            before = std::filesystem::last_write_time(progress);
        }
        ChildProcess process(PARRHESIA_BINARY, copy);
        process.close_input();
        ASSERT_TRUE(test::becomes([&progress, &before, &none] {
            return std::filesystem::last_write_time(progress, none) > before && !none;
        })) << process.errors();
        process.signal(signal);

        EXPECT_EQ(process.wait(), kExitSignalBase + signal) << process.output();
        EXPECT_THAT(process.errors(), HasSubstr("run the same command again"));
        EXPECT_TRUE(std::filesystem::exists(progress));
    }
    EXPECT_NE(exported("to"), all);

    const Ended rest = run_command({"db", "copy", "--from", "lmdb:" + file("from"), "--to",
                                    "lmdb:" + file("to"), "--resume", progress});
    EXPECT_EQ(rest.code, kExitOk) << rest.err;
    EXPECT_THAT(rest.err, StartsWith("going on after "));
    EXPECT_EQ(exported("to"), all);
    EXPECT_FALSE(std::filesystem::exists(progress));
}

TEST_F(DbCommandTest, CopyKilledAtWorkGoesOn) {
    make_store("from", 5000);
    const std::string progress = file("copy.progress");
    const std::vector<std::string> copy = {
        "db",       "copy",   "--from", "lmdb:" + file("from"),    "--to", "lmdb:" + file("to"),
        "--resume", progress, "--set",  "store.max_batch_events=1"};
    ChildProcess process(PARRHESIA_BINARY, copy);
    ASSERT_TRUE(test::becomes([&progress] { return std::filesystem::exists(progress); }));
    process.signal(SIGKILL);
    ASSERT_EQ(process.wait(), kExitSignalBase + SIGKILL);

    const Ended rest = run_command({"db", "copy", "--from", "lmdb:" + file("from"), "--to",
                                    "lmdb:" + file("to"), "--resume", progress});
    EXPECT_EQ(rest.code, kExitOk) << rest.err;
    EXPECT_EQ(exported("to"), exported("from"));
}

TEST_F(DbCommandTest, CopyWithoutASourceNamesItAndMakesNoTarget) {
    const Ended ended =
        run_command({"db", "copy", "--from", "lmdb:" + file("from"), "--to", "lmdb:" + file("to")});
    EXPECT_EQ(ended.code, kExitFailure);
    EXPECT_THAT(ended.err, HasSubstr("there is no store in " + file("from")));
    EXPECT_FALSE(std::filesystem::exists(file("to")));
}

TEST_F(DbCommandTest, ProgressOfAnotherCopyIsRefused) {
    make_store("from", 10);
    std::ofstream(file("copy.progress")) << "parrhesia copy 1\nfrom x\nto y\nuntil 1\n";
    const Ended ended = run_command({"db", "copy", "--from", "lmdb:" + file("from"), "--to",
                                     "lmdb:" + file("to"), "--resume", file("copy.progress")});
    EXPECT_EQ(ended.code, kExitFailure);
    EXPECT_THAT(ended.err, AllOf(HasSubstr(file("copy.progress")), HasSubstr("remove it")));
}

TEST_F(DbCommandTest, WrongUsageIsToldWithoutPasswords) {
    const std::vector<std::vector<std::string>> wrong = {
        {"db"},
        {"db", "copy"},
        {"db", "copy", "--from", "config"},
        {"db", "copy", "--from", "config", "--to", "config"},
        {"db", "copy", "--from", "config", "--to", "lmdb:data/../data"},
        {"db", "copy", "--from", "config", "--to", "elsewhere"},
        {"db", "copy", "--from", "config", "--to", "postgres:password=hunter2 nonsense=1"}};
    for (const auto& arguments : wrong) {
        const Ended ended = run_command(arguments);
        EXPECT_EQ(ended.code, kExitUsage) << ::testing::PrintToString(arguments);
        EXPECT_THAT(ended.out, IsEmpty());
        EXPECT_THAT(ended.err, AllOf(Not(IsEmpty()), Not(HasSubstr("hunter2"))));
    }
}

TEST_F(DbCommandTest, EmbeddedStoreNeedsNoMigrationAndHasAStatus) {
    const Ended migrate = run_command({"db", "migrate", "--set", folder("from")});
    EXPECT_EQ(migrate.code, kExitOk);
    EXPECT_THAT(migrate.out, StartsWith("schema: none"));

    EXPECT_EQ(run_command({"db", "status", "--set", folder("from")}).code, kExitFailure);
    make_store("from", 10);
    const Ended status = run_command({"db", "status", "--set", folder("from")});
    EXPECT_EQ(status.code, kExitOk) << status.err;
    EXPECT_THAT(status.out,
                AllOf(HasSubstr("store: lmdb in " + file("from")), HasSubstr("\nevents: ")));
}

TEST_F(DbCommandTest, DatabaseThatIsAwayIsNamedWithoutItsPassword) {
    const std::string nowhere = "host=" + file("nowhere") + " dbname=nostr password=hunter2";
    const std::vector<std::string> settings = {"--set", "store.engine=postgres", "--set",
                                               "postgres.connection=" + nowhere};
    make_store("from", 10);
    for (std::vector<std::string> command : std::vector<std::vector<std::string>>{
             {"db", "migrate"},
             {"db", "status"},
             {"export"},
             {"import"},
             {"scan", "{}"},
             {"db", "copy", "--from", "lmdb:" + file("from"), "--to", "config"}}) {
        command.insert(command.end(), settings.begin(), settings.end());
        const Ended ended = run_command(command);
        EXPECT_EQ(ended.code, kExitFailure) << command.front();
        EXPECT_THAT(ended.out + ended.err,
                    AllOf(HasSubstr(file("nowhere")), Not(HasSubstr("hunter2"))));
    }
}

}  // namespace
}  // namespace parrhesia::app
