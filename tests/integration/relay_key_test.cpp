// The relay's own key, as an operator handles it.
#include "app/exit_code.hpp"
#include "integration/support/process.hpp"
#include "integration/support/relay_process.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::app {
namespace {

using test::ChildProcess;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

const std::string kOne = std::string(63, '0') + "1";
const std::string kOnePubkey = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const std::string kThree = std::string(63, '0') + "3";
const std::string kThreePubkey = "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";

struct Ended {
    std::optional<int> code;
    std::string out;
    std::string err;
};

Ended run_on(const std::filesystem::path& store, std::vector<std::string> arguments,
             const std::string& input = "") {
    arguments.insert(arguments.end(), {"--set", "store.path=" + store.string()});
    ChildProcess process(PARRHESIA_BINARY, arguments);
    process.write_input(input);
    process.close_input();
    const auto code = process.wait();
    return {code, process.output(), process.errors()};
}

class RelayKeyCommandTest : public ::testing::Test {
  protected:
    [[nodiscard]] Ended run(std::vector<std::string> arguments,
                            const std::string& input = "") const {
        return run_on(store(), std::move(arguments), input);
    }
    [[nodiscard]] std::filesystem::path store() const { return folder.path() / "a" / "data"; }
    [[nodiscard]] std::string key_file() const { return (store() / "relay.key").string(); }

    const test::TemporaryFolder folder;
};

TEST_F(RelayKeyCommandTest, ImportedKeyIsShownAndNeverReplacedByAccident) {
    const Ended none = run({"key", "show"});
    EXPECT_EQ(none.code, kExitFailure);
    EXPECT_THAT(none.err, AllOf(HasSubstr(key_file()), HasSubstr("key import")));

    const Ended first = run({"key", "import", "-"}, kOne + "\n");
    EXPECT_EQ(first.code, kExitOk) << first.err;
    EXPECT_EQ(first.out, kOnePubkey + "\n");
    EXPECT_EQ(run({"key", "show"}).out, kOnePubkey + "\n");
    struct stat status {};
    ASSERT_EQ(::stat(key_file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);

    const std::string other = (folder.path() / "other.key").string();
    std::ofstream(other) << kThree << '\n';
    const Ended refused = run({"key", "import", other});
    EXPECT_EQ(refused.code, kExitFailure);
    EXPECT_THAT(refused.err, AllOf(HasSubstr(key_file()), HasSubstr("--force")));
    EXPECT_EQ(run({"key", "show"}).out, kOnePubkey + "\n");

    EXPECT_EQ(run({"key", "import", "--force", other}).out, kThreePubkey + "\n");
    EXPECT_EQ(run({"key", "show"}).out, kThreePubkey + "\n");
}

TEST_F(RelayKeyCommandTest, InputThatIsNoKeyChangesNothing) {
    ASSERT_EQ(run({"key", "import", "-"}, kOne).code, kExitOk);
    for (const std::string& bad : {std::string(), kOne + kOne, "nsec1" + kOne.substr(5)}) {
        const Ended ended = run({"key", "import", "--force", "-"}, bad);
        EXPECT_EQ(ended.code, kExitFailure);
        EXPECT_THAT(ended.err, AllOf(HasSubstr("standard input"), HasSubstr("64 lowercase hex")));
    }
    const Ended missing = run({"key", "import", "--force", "/does/not/exist"});
    EXPECT_EQ(missing.code, kExitFailure);
    EXPECT_THAT(missing.err, HasSubstr("cannot read /does/not/exist: No such file"));
    EXPECT_EQ(run({"key", "show"}).out, kOnePubkey + "\n");
}

TEST_F(RelayKeyCommandTest, WrongUsageIsTold) {
    EXPECT_EQ(run({"key"}).code, kExitUsage);
    EXPECT_EQ(run({"key", "import"}).code, kExitUsage);
    EXPECT_EQ(run({"key", "--help"}).code, kExitOk);
    EXPECT_EQ(run({"key", "import", "--help"}).code, kExitOk);
}

TEST_F(RelayKeyCommandTest, RelayMakesAKeyOnceAndKeepsIt) {
    test::RelayProcess relay;
    const Ended first = run_on(relay.store_path(), {"key", "show"});
    EXPECT_EQ(first.code, kExitOk) << first.err;
    EXPECT_THAT(first.out, MatchesRegex("[0-9a-f]{64}\n"));
    EXPECT_TRUE(relay.log_has(first.out.substr(0, 64)));
    EXPECT_EQ(relay.terminate(), 0);
    relay.start();
    EXPECT_EQ(run_on(relay.store_path(), {"key", "show"}).out, first.out);
    EXPECT_EQ(relay.terminate(), 0);
}

TEST_F(RelayKeyCommandTest, RelayDoesNotStartWithAKeyThatIsNone) {
    ASSERT_EQ(run({"key", "import", "-"}, kOne).code, kExitOk);
    std::ofstream(key_file()) << "abc\n";
    const Ended ended = run({"relay", "--set", "relay.port=0", "--set", "admin.port=0"});
    EXPECT_EQ(ended.code, kExitFailure);
    EXPECT_THAT(ended.err, AllOf(HasSubstr(key_file()), HasSubstr("key import --force")));
}

}  // namespace
}  // namespace parrhesia::app
