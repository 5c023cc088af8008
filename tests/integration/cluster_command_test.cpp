// "parrhesia cluster", as operators see it.
#include "parrhesia/mesh/cluster_secret.hpp"

#include "app/exit_code.hpp"
#include "integration/support/process.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace parrhesia::app {
namespace {

using test::ChildProcess;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

struct Ended {
    int code = -1;
    std::string out;
    std::string err;
};

Ended run(std::vector<std::string> arguments, const std::vector<std::string>& environment = {}) {
    arguments.insert(arguments.begin(), "cluster");
    ChildProcess process(PARRHESIA_BINARY, arguments, environment);
    process.close_input();
    const auto code = process.wait();
    EXPECT_TRUE(code) << "still running; standard error: " << process.errors();
    return {code.value_or(-1), process.output(), process.errors()};
}

TEST(ClusterCommandTest, KeygenMakesAFileThatARelayTakes) {
    const test::TemporaryFolder folder;
    const std::string file = (folder.path() / "cluster.key").string();

    // Where a configuration already asks for the secret that is to be made.
    const Ended made = run({"keygen", "--out", file}, {"PARRHESIA_CLUSTER_ENABLED=true"});
    EXPECT_EQ(made.code, kExitOk) << made.err;
    EXPECT_THAT(made.out, IsEmpty());
    EXPECT_THAT(made.err, AllOf(HasSubstr(file), HasSubstr("cluster.psk_file = ")));
    const auto secret = mesh::read_cluster_secret(file);

    const Ended again = run({"keygen", "--out", file});
    EXPECT_EQ(again.code, kExitFailure);
    EXPECT_THAT(again.err, AllOf(HasSubstr(file), HasSubstr("name a new file")));
    EXPECT_EQ(mesh::read_cluster_secret(file), secret);
}

TEST(ClusterCommandTest, KeygenPrintsADifferentSecretEachTime) {
    const Ended one = run({"keygen"});
    EXPECT_EQ(one.code, kExitOk);
    EXPECT_THAT(one.out, MatchesRegex("[0-9a-f]+\n"));
    EXPECT_EQ(one.out.size(), 65U);
    EXPECT_THAT(one.err, HasSubstr("cluster.psk_file"));
    EXPECT_NE(one.out, run({"keygen"}).out);
}

TEST(ClusterCommandTest, AFileThatCannotBeMadeIsNamed) {
    const Ended ended = run({"keygen", "--out", "/nonexistent/cluster.key"});
    EXPECT_EQ(ended.code, kExitFailure);
    EXPECT_THAT(ended.err, HasSubstr("/nonexistent/cluster.key"));
}

TEST(ClusterCommandTest, WrongUsageIsTold) {
    EXPECT_EQ(run({}).code, kExitUsage);
    EXPECT_EQ(run({"keygen", "extra"}).code, kExitUsage);
}

}  // namespace
}  // namespace parrhesia::app
