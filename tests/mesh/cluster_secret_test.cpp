#include "parrhesia/mesh/cluster_secret.hpp"

#include "mesh/keyring.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>

namespace parrhesia::mesh {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kDigits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

ClusterSecret counting_secret() {
    ClusterSecret secret{};
    std::iota(secret.begin(), secret.end(), std::uint8_t{0});
    return secret;
}

class ClusterSecretTest : public testing::Test {
  protected:
    void write(const std::string& text, mode_t mode = 0600) const {
        std::ofstream(file, std::ios::binary) << text;
        ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    }
    [[nodiscard]] std::string error() const {
        try {
            static_cast<void>(read_cluster_secret(file));
        } catch (const std::runtime_error& refused) {
            return refused.what();
        }
        return "";
    }

    const test::TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "cluster.key";
};

TEST_F(ClusterSecretTest, IsReadAsItWasWritten) {
    const ClusterSecret made = make_cluster_secret();
    EXPECT_NE(made, make_cluster_secret());
    ASSERT_TRUE(write_cluster_secret(file, made));
    struct stat status {};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(read_cluster_secret(file), made);
}

TEST_F(ClusterSecretTest, AnExistingFileIsKept) {
    write("something else\n");
    EXPECT_FALSE(write_cluster_secret(file, make_cluster_secret()));
    EXPECT_EQ(std::filesystem::file_size(file), 15U);
}

TEST_F(ClusterSecretTest, LineEndingsDoNotMatter) {
    for (const std::string ending : {"", "\n", "\r\n"}) {
        write(kDigits + ending);
        EXPECT_EQ(read_cluster_secret(file), counting_secret());
    }
    EXPECT_EQ(text_of(counting_secret()), kDigits + "\n");
}

TEST_F(ClusterSecretTest, AMissingFileIsNamedWithTheRemedy) {
    EXPECT_THAT(error(), AllOf(HasSubstr(file.string()), HasSubstr("keygen --out")));
}

TEST_F(ClusterSecretTest, WhatIsNoSecretIsNotRepeated) {
    for (const std::string& text :
         {std::string(), kDigits.substr(1), kDigits + "0", "K" + kDigits.substr(1),
          kDigits + "\n" + kDigits, " " + kDigits, std::string(1000, 'a')}) {
        write(text);
        EXPECT_THAT(error(), AllOf(HasSubstr(file.string()), HasSubstr("64 lowercase hex digits"),
                                   Not(HasSubstr("0405060708"))))
            << text;
    }
}

TEST_F(ClusterSecretTest, AFileThatOthersMayReadOrWriteIsRefused) {
    for (const mode_t mode : {0640U, 0604U, 0620U, 0644U, 0660U}) {
        write(kDigits, mode);
        EXPECT_THAT(error(), AllOf(HasSubstr("chmod 600 " + file.string()), HasSubstr("keygen")));
    }
    write(kDigits, 0400);
    EXPECT_EQ(error(), "");
}

TEST_F(ClusterSecretTest, AFolderAndAPipeAreRefused) {
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    EXPECT_THAT(error(), HasSubstr("cannot be read: " + file.string()));
    std::filesystem::remove(file);
    std::filesystem::create_directory(file);
    EXPECT_THAT(error(), HasSubstr("cannot be read: " + file.string()));
}

TEST_F(ClusterSecretTest, AFolderThatIsNotThereIsNamed) {
    const auto missing = folder.path() / "missing" / "cluster.key";
    try {
        static_cast<void>(write_cluster_secret(missing, counting_secret()));
        FAIL() << "written";
    } catch (const std::runtime_error& refused) {
        EXPECT_THAT(refused.what(), AllOf(HasSubstr(missing.string()), HasSubstr("folder")));
    }
}

}  // namespace
}  // namespace parrhesia::mesh
