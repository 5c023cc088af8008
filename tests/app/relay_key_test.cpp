#include "app/relay_key.hpp"

#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kSecret = "0000000000000000000000000000000000000000000000000000000000000003";
const std::string kPubkey = "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";

class RelayKeyTest : public testing::Test {
  protected:
    void write(const std::string& text, mode_t mode = 0600) const {
        std::ofstream(file, std::ios::binary) << text;
        ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    }
    [[nodiscard]] std::string text() const {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    [[nodiscard]] mode_t mode() const {
        struct stat status {};
        EXPECT_EQ(::stat(file.c_str(), &status), 0);
        return status.st_mode & 0777U;
    }
    [[nodiscard]] std::string error() const {
        try {
            static_cast<void>(read_or_make_relay_key(file));
        } catch (const std::runtime_error& refused) {
            return refused.what();
        }
        return "";
    }
    [[nodiscard]] std::size_t files_in_folder() const {
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator(folder.path()), {}));
    }

    const test::TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "relay.key";
};

TEST_F(RelayKeyTest, FirstStartMakesAKeyAndLaterOnesKeepIt) {
    EXPECT_FALSE(read_relay_key(file));
    const auto made = read_or_make_relay_key(file);
    ASSERT_TRUE(made);
    EXPECT_EQ(text(), base::to_hex(made->secret()) + "\n");
    EXPECT_EQ(mode(), 0600U);
    for (int start = 0; start < 3; ++start) {
        const auto again = read_or_make_relay_key(file);
        ASSERT_TRUE(again);
        EXPECT_EQ(again->pubkey(), made->pubkey());
    }
    EXPECT_EQ(files_in_folder(), 1U);
}

TEST_F(RelayKeyTest, OtherRelaysGetOtherKeys) {
    const auto one = read_or_make_relay_key(file);
    const auto two = read_or_make_relay_key(folder.path() / "other.key");
    ASSERT_TRUE(one && two);
    EXPECT_NE(one->pubkey(), two->pubkey());
}

TEST_F(RelayKeyTest, WhatIsInTheFileIsTheKey) {
    for (const std::string& form : {kSecret + "\n", kSecret, " " + kSecret + " \r\n\n"}) {
        write(form);
        const auto key = read_relay_key(file);
        ASSERT_TRUE(key);
        EXPECT_EQ(base::to_hex(key->pubkey()), kPubkey);
    }
}

TEST_F(RelayKeyTest, TextThatIsNoKeyStopsTheStartAndIsNotRepeated) {
    const std::string order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for (const std::string& bad :
         {std::string(), std::string("\n"), kSecret.substr(1), kSecret + "0", "nsec1" + kSecret,
          std::string(64, 'A'), std::string(64, '0'), order, std::string(5000, '1')}) {
        write(bad);
        const std::string said = error();
        EXPECT_THAT(said, AllOf(HasSubstr(file.string()), HasSubstr("key import --force")));
        if (bad.size() > 1) {
            EXPECT_THAT(said, Not(HasSubstr(bad)));
        }
        EXPECT_EQ(text(), bad) << "the file is left alone";
    }
}

TEST_F(RelayKeyTest, FileThatOthersMayWriteIsRefused) {
    for (const mode_t bits : {0620U, 0602U, 0666U}) {
        write(kSecret + "\n", bits);
        EXPECT_THAT(error(), AllOf(HasSubstr(file.string()), HasSubstr("chmod 600")));
    }
    for (const mode_t bits : {0400U, 0640U, 0644U}) {
        write(kSecret + "\n");
        ASSERT_EQ(::chmod(file.c_str(), bits), 0);
        EXPECT_EQ(error(), "");
    }
}

TEST_F(RelayKeyTest, FileThatEverybodyMayReadIsWarnedOf) {
    const auto warning_of = [this](mode_t bits) {
        write(kSecret + "\n", bits);
        testing::internal::CaptureStderr();
        EXPECT_TRUE(read_relay_key(file));
        return testing::internal::GetCapturedStderr();
    };
    EXPECT_THAT(warning_of(0644), AllOf(HasSubstr("chmod 600"), HasSubstr(file.string())));
    EXPECT_EQ(warning_of(0600), "");
    EXPECT_EQ(warning_of(0640), "");
}

TEST_F(RelayKeyTest, WhatIsNoFileIsRefused) {
    std::filesystem::create_directory(file);
    EXPECT_THAT(error(), AllOf(HasSubstr(file.string()), HasSubstr("no file")));
    std::filesystem::remove(file);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    EXPECT_THAT(error(), HasSubstr("no file"));
}

TEST_F(RelayKeyTest, RelayRunsWithoutAKeyWhereNoneCanBeMade) {
    EXPECT_FALSE(read_or_make_relay_key("/proc/nowhere/relay.key"));
}

TEST_F(RelayKeyTest, FolderIsMadeWhereNoStoreHasMadeIt) {
    const auto key = read_or_make_relay_key(folder.path() / "new" / "data" / "relay.key");
    ASSERT_TRUE(key);
    EXPECT_EQ(std::filesystem::status(folder.path() / "new" / "data").permissions(),
              std::filesystem::perms::owner_all);
}

TEST_F(RelayKeyTest, KeyIsReplacedOnlyOnRequest) {
    const auto first = event::Keypair::generate();
    const auto second = event::Keypair::generate();
    EXPECT_TRUE(write_relay_key(file, first, Existing::keep));
    EXPECT_FALSE(write_relay_key(file, second, Existing::keep));
    EXPECT_EQ(read_relay_key(file)->pubkey(), first.pubkey());
    EXPECT_TRUE(write_relay_key(file, second, Existing::replace));
    EXPECT_EQ(read_relay_key(file)->pubkey(), second.pubkey());
    EXPECT_EQ(mode(), 0600U);
    EXPECT_EQ(files_in_folder(), 1U);
}

TEST_F(RelayKeyTest, WritersAtTheSameTimeLeaveOneWholeKey) {
    constexpr int kWriters = 8;
    std::vector<event::Keypair> keys;
    for (int i = 0; i < kWriters; ++i) keys.push_back(event::Keypair::generate());
    std::vector<int> won(kWriters);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kWriters; ++i) {
        threads.emplace_back(
            [&, i] { won[i] = write_relay_key(file, keys[i], Existing::keep) ? 1 : 0; });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(std::count(won.begin(), won.end(), 1), 1);
    const auto winner =
        static_cast<std::size_t>(std::find(won.begin(), won.end(), 1) - won.begin());
    EXPECT_EQ(read_relay_key(file)->pubkey(), keys[winner].pubkey());
    EXPECT_EQ(files_in_folder(), 1U);
}

TEST_F(RelayKeyTest, FileLiesInTheFolderOfTheStore) {
    Config config;
    config.store.path = "/var/lib/parrhesia";
    EXPECT_EQ(relay_key_file(config), "/var/lib/parrhesia/relay.key");
}

}  // namespace
}  // namespace parrhesia::app
