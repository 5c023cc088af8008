// The executable as scripts see it: exit codes, files, pipes, signals.
#include "app/exit_code.hpp"
#include "integration/support/process.hpp"
#include "support/event_generator.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace parrhesia::app {
namespace {

using test::ChildProcess;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct Ended {
    int code = -1;
    std::string out;
    std::string err;
};

class CommandLineTest : public ::testing::Test {
  protected:
    // With a store of the test's own.
    [[nodiscard]] std::vector<std::string> with_store(std::vector<std::string> arguments) const {
        arguments.insert(arguments.end(), {"--set", "store.path=" + file("data")});
        return arguments;
    }
    [[nodiscard]] Ended run(std::vector<std::string> arguments,
                            const std::string& input = "") const {
        return run_bare(with_store(std::move(arguments)), {}, input);
    }
    [[nodiscard]] static Ended run_bare(const std::vector<std::string>& arguments,
                                        const std::vector<std::string>& environment = {},
                                        const std::string& input = "") {
        ChildProcess process(PARRHESIA_BINARY, arguments, environment);
        process.write_input(input);
        process.close_input();
        const auto code = process.wait();
        EXPECT_TRUE(code) << "still running; standard error: " << process.errors();
        return {code.value_or(-1), process.output(), process.errors()};
    }

    [[nodiscard]] std::string file(const std::string& name) const {
        return (folder_.path() / name).string();
    }
    [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(file(name), std::ios::binary) << text;
        return file(name);
    }
    [[nodiscard]] static std::vector<std::string> sorted_lines(const std::string& text) {
        std::vector<std::string> lines;
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) lines.push_back(line);
        std::sort(lines.begin(), lines.end());
        return lines;
    }
    [[nodiscard]] static std::string note(const std::string& content, std::int64_t created_at) {
        return std::string(test::make_event("author", {created_at, 1, {}, content})->json()) + "\n";
    }

    const test::TemporaryFolder folder_;
};

TEST_F(CommandLineTest, HelpIsASuccessAndShowsExamples) {
    for (const std::string command :
         {"relay", "import", "export", "scan", "config", "generate", "db", "version"}) {
        const Ended help = run_bare({command, "--help"});
        EXPECT_EQ(help.code, kExitOk) << command;
        EXPECT_THAT(help.out, HasSubstr("Usage: parrhesia " + command));
        EXPECT_THAT(help.err, IsEmpty());
    }
    EXPECT_THAT(run_bare({"--help"}).out, HasSubstr("Exit codes: 0 success"));
}

TEST_F(CommandLineTest, WrongUsageExitsWithSixtyFour) {
    const std::vector<std::vector<std::string>> wrong = {{},
                                                         {"rely"},
                                                         {"relay", "--prot"},
                                                         {"config"},
                                                         {"scan"},
                                                         {"import", "a", "b"},
                                                         {"export", "--since", "today"},
                                                         {"relay", "--set"},
                                                         {"generate", "--authors", "0"}};
    for (const auto& arguments : wrong) {
        const Ended ended = run_bare(arguments);
        EXPECT_EQ(ended.code, kExitUsage) << ::testing::PrintToString(arguments);
        EXPECT_THAT(ended.out, IsEmpty());
        EXPECT_THAT(ended.err, HasSubstr("--help"));
    }
}

TEST_F(CommandLineTest, VersionNamesBuildAndLibraries) {
    const Ended version = run_bare({"version"});

    EXPECT_EQ(version.code, kExitOk);
    EXPECT_THAT(version.out, AllOf(StartsWith("parrhesia "), HasSubstr("compiler: "),
                                   HasSubstr("LMDB "), HasSubstr("prometheus-cpp 1")));
}

TEST_F(CommandLineTest, WrongConfigurationExitsWithSeventyEightAndListsEverything) {
    const std::string path = write("relay.toml", "[relay]\nprot = 1\n\nport = 70000\n");
    for (const std::string command : {"relay", "export", "import"}) {
        const Ended ended = run_bare({command, "--config", path, "--set", "relay.idle_seconds=1"});
        EXPECT_EQ(ended.code, kExitConfig) << command;
        EXPECT_THAT(ended.out, IsEmpty());
        EXPECT_THAT(ended.err, AllOf(HasSubstr(path + ":2: unknown key relay.prot"),
                                     HasSubstr(path + ":4: relay.port: expected"),
                                     HasSubstr("--set: relay.idle_seconds")));
    }
    EXPECT_EQ(run_bare({"config", "check", "--config", path}).code, kExitConfig);
}

TEST_F(CommandLineTest, ConfigCheckSaysOk) {
    const Ended ended = run_bare({"config", "check"});

    EXPECT_EQ(ended.code, kExitOk);
    EXPECT_EQ(ended.out, "ok\n");
}

TEST_F(CommandLineTest, SourcesOverrideOneAnother) {
    const std::string path = write("relay.toml", "[relay]\nport = 1001\nthreads = 1\n");
    const std::vector<std::string> variables = {"PARRHESIA_CONFIG=" + path,
                                                "PARRHESIA_RELAY_PORT=1002"};

    const Ended ended = run_bare({"--set", "log.level=warn", "config", "print"}, variables);
    EXPECT_EQ(ended.code, kExitOk) << ended.err;
    EXPECT_THAT(ended.out, AllOf(HasSubstr("port = 1002  # environment PARRHESIA_RELAY_PORT\n"),
                                 HasSubstr("threads = 1  # " + path + ":3\n"),
                                 HasSubstr("level = \"warn\"  # --set\n")));
    EXPECT_EQ(run_bare({"config", "check"}, {"PARRHESIA_RELAY_PROT=1"}).code, kExitConfig);
}

TEST_F(CommandLineTest, CorpusGoesInAndComesOutAgain) {
    const std::string corpus = file("corpus.jsonl");
    ASSERT_EQ(run_bare({"generate", "--count", "1200", "--out", corpus}).code, kExitOk);

    const Ended imported = run({"import", corpus});
    ASSERT_EQ(imported.code, kExitOk) << imported.err;
    EXPECT_THAT(imported.out, StartsWith("1200 lines read: "));
    const Ended exported = run({"export"});
    ASSERT_EQ(exported.code, kExitOk) << exported.err;

    // The same events in another store, by way of a pipe, give the same export.
    const std::string other = "store.path=" + file("other");
    ASSERT_EQ(run({"import", "-", "--set", other}, exported.out).code, kExitOk);
    ASSERT_EQ(run({"export", "--set", other, "--out", file("again.jsonl")}).code, kExitOk);
    std::ifstream again(file("again.jsonl"), std::ios::binary);
    EXPECT_EQ((std::string{std::istreambuf_iterator<char>(again), {}}), exported.out);
    EXPECT_THAT(run({"scan", "{}", "--count"}).out,
                std::to_string(sorted_lines(exported.out).size()) + "\n");
}

TEST_F(CommandLineTest, GeneratorIsDeterministicAndLongerRunsBeginTheSame) {
    const std::string few = run_bare({"generate", "--count", "20", "--seed", "9"}).out;
    const std::string more = run_bare({"generate", "--count", "600", "--seed", "9"}).out;

    EXPECT_EQ(sorted_lines(few).size(), 20U);
    EXPECT_EQ(sorted_lines(more).size(), 600U);
    EXPECT_THAT(more, StartsWith(few));
}

TEST_F(CommandLineTest, ImportNamesDamagedLinesAndStoresTheRest) {
    std::string forged = note("forged", 1);
    const std::size_t sig = forged.find("\"sig\":\"") + 7;
    forged[sig] = forged[sig] == '0' ? '1' : '0';
    const Ended ended =
        run({"import", "-", "--set", "limits.event_bytes=2000"},
            note("one", 1) + "{broken\n" + forged + "\n" + std::string(100'000, 'x') + "\n" +
                std::string("\xff\xfe\x00\x01\n", 5) + note("two", 2));

    EXPECT_EQ(ended.code, kExitSomeRefused);
    EXPECT_THAT(ended.err, AllOf(HasSubstr("line 2: "), HasSubstr("line 3: "),
                                 HasSubstr("line 5: "), HasSubstr("line 6: ")));
    EXPECT_THAT(ended.out, AllOf(StartsWith("6 lines read: 2 stored, 0 duplicates, 0 superseded, "
                                            "4 refused"),
                                 HasSubstr("refused as invalid_signature: 1"),
                                 HasSubstr("refused as too_large: 1")));
    EXPECT_EQ(run({"scan", "--count", "{}"}).out, "2\n");
}

TEST_F(CommandLineTest, ImportStopsOnSignalAndGoesOnWhenRunAgain) {
    std::string all;
    for (const int signal : {SIGINT, SIGTERM}) {
        std::string text;
        for (int i = 0; i < 300; ++i) text += note("before signal " + std::to_string(signal), i);
        all += text;
        const std::string stored = std::to_string(sorted_lines(all).size()) + "\n";
        ChildProcess process(PARRHESIA_BINARY, with_store({"import", "-"}));
        // The pipe stays open: only the signal ends the import, and what came before it is kept.
        ASSERT_TRUE(process.write_input(text));
        ASSERT_TRUE(test::becomes([this, &stored] {
            return run({"scan", "--count", "{}"}).out == stored;
        }));
        process.signal(signal);

        EXPECT_EQ(process.wait(), kExitSignalBase + signal);
        EXPECT_THAT(process.output(), StartsWith("300 lines read: 300 stored"));
        EXPECT_THAT(process.errors(), HasSubstr("run the same command again"));
    }
    const Ended again = run({"import", "-"}, all + note("the rest", 1000));
    EXPECT_EQ(again.code, kExitOk);
    EXPECT_THAT(again.out, StartsWith("601 lines read: 1 stored, 600 duplicates"));
}

TEST_F(CommandLineTest, SecondWriterIsRefusedWithTheRemedy) {
    ChildProcess first(PARRHESIA_BINARY, with_store({"import", "-"}));
    ASSERT_TRUE(first.write_input(note("a", 1)));
    ASSERT_TRUE(test::becomes([this] { return run({"scan", "--count", "{}"}).out == "1\n"; }));

    const Ended second = run({"import", "-"}, note("b", 2));
    EXPECT_EQ(second.code, kExitFailure);
    EXPECT_THAT(second.err, AllOf(HasSubstr(file("data")), HasSubstr("in use by process"),
                                  HasSubstr("store.path")));
    first.close_input();
    EXPECT_EQ(first.wait(), kExitOk);
}

TEST_F(CommandLineTest, ScanAnswersFilters) {
    ASSERT_EQ(run({"import", "-"}, note("a", 1) + note("b", 2) + note("c", 3)).code, kExitOk);

    EXPECT_EQ(run({"scan", "{\"limit\":1}"}).out, note("c", 3));
    EXPECT_EQ(run({"scan", "[{\"until\":1},{\"since\":3}]"}).out, note("c", 3) + note("a", 1));
    EXPECT_EQ(run({"scan", "{\"kinds\":[7]}"}).out, "");
    EXPECT_EQ(run({"export", "--since", "2", "--until", "2"}).out, note("b", 2));
    for (const std::string filter : {"", "{", "7", "{\"kinds\":\"1\"}", "{\"colour\":1}"}) {
        const Ended ended = run({"scan", filter});
        EXPECT_EQ(ended.code, kExitUsage) << filter;
        EXPECT_THAT(ended.err, StartsWith("parrhesia: not a filter: ")) << filter;
    }
}

TEST_F(CommandLineTest, ReadingWithoutAStoreNamesTheFolder) {
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{"export"}, {"scan", "{}"}}) {
        const Ended ended = run(arguments);
        EXPECT_EQ(ended.code, kExitFailure);
        EXPECT_THAT(ended.err, AllOf(HasSubstr("there is no store in " + file("data")),
                                     HasSubstr("store.path")));
    }
}

TEST_F(CommandLineTest, FileThatCannotBeReadOrWrittenIsNamed) {
    const Ended input = run({"import", "/does/not/exist"});
    EXPECT_EQ(input.code, kExitFailure);
    EXPECT_THAT(input.err, HasSubstr("cannot read /does/not/exist: No such file"));

    ASSERT_EQ(run({"import", "-"}, note("a", 1)).code, kExitOk);
    const Ended output = run({"export", "--out", "/does/not/exist"});
    EXPECT_EQ(output.code, kExitFailure);
    EXPECT_THAT(output.err, HasSubstr("cannot write /does/not/exist"));
    const Ended full = run({"export", "--out", "/dev/full"});
    EXPECT_EQ(full.code, kExitFailure);
    EXPECT_THAT(full.err, AllOf(HasSubstr("No space left"), HasSubstr("incomplete")));
}

TEST_F(CommandLineTest, ReaderThatLeavesEarlyIsNoFailure) {
    ChildProcess shell(
        "/bin/sh", {"-c", "{ \"$0\" generate --count 100000000; echo code $? >&2; } | head -n 1",
                    PARRHESIA_BINARY});

    EXPECT_EQ(shell.wait(), 0);
    EXPECT_EQ(sorted_lines(shell.output()).size(), 1U);
    EXPECT_EQ(shell.errors(), "code 0\n");
}

}  // namespace
}  // namespace parrhesia::app
