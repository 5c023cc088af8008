#include "app/node_identity.hpp"

#include "parrhesia/base/bytes.hpp"

#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace parrhesia::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

class NodeIdentityTest : public testing::Test {
  protected:
    static void write(const std::filesystem::path& file, const std::string& text) {
        std::ofstream(file) << text;
    }

    const test::TemporaryFolder folder_;
    const std::filesystem::path id_ = folder_.path() / "data" / "node.id";
    const std::filesystem::path boot_ = folder_.path() / "data" / "node.boot";
};

TEST_F(NodeIdentityTest, IsMadeOnceAndThenKept) {
    const base::NodeId made = read_or_make_node_id(id_);
    EXPECT_NE(made, base::NodeId());
    EXPECT_EQ(read_or_make_node_id(id_), made);
    struct stat status {};
    ASSERT_EQ(::stat(id_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(NodeIdentityTest, TwoRelaysHaveTwo) {
    EXPECT_NE(read_or_make_node_id(id_), read_or_make_node_id(folder_.path() / "other.id"));
}

TEST_F(NodeIdentityTest, AFileThatHoldsNoIdIsNamedAndStays) {
    std::filesystem::create_directories(id_.parent_path());
    write(id_, "node-1\n");
    EXPECT_THAT([this] { static_cast<void>(read_or_make_node_id(id_)); },
                ThrowsMessage<std::runtime_error>(
                    AllOf(HasSubstr(id_.string()), HasSubstr("32 lowercase hex"))));
    EXPECT_EQ(std::filesystem::file_size(id_), 7U);
}

TEST_F(NodeIdentityTest, WhereNoFileCanBeTheFolderIsNamed) {
    write(folder_.path() / "data", "a file where the folder should be");
    EXPECT_THAT([this] { static_cast<void>(read_or_make_node_id(id_)); },
                ThrowsMessage<std::runtime_error>(HasSubstr(id_.string())));
}

TEST_F(NodeIdentityTest, EachStartHasAGreaterNumber) {
    static_cast<void>(read_or_make_node_id(id_));
    const std::uint64_t first = next_boot(id_);
    const std::uint64_t second = next_boot(id_);
    EXPECT_GT(second, first);
}

TEST_F(NodeIdentityTest, AClockThatWasSetBackDoesNotMatter) {
    static_cast<void>(read_or_make_node_id(id_));
    write(boot_, "9000000000000000000\n");
    EXPECT_EQ(next_boot(id_), 9'000'000'000'000'000'001U);
}

TEST_F(NodeIdentityTest, ANumberThatIsNoneIsRefused) {
    static_cast<void>(read_or_make_node_id(id_));
    for (const char* text : {"", "x", "12 13", "-1", "18446744073709551615"}) {
        write(boot_, text);
        EXPECT_THAT([this] { static_cast<void>(next_boot(id_)); },
                    ThrowsMessage<std::runtime_error>(HasSubstr(boot_.string())))
            << '"' << text << '"';
    }
}

}  // namespace
}  // namespace parrhesia::app
