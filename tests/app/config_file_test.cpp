// The documented file, the table of keys and the defaults are one and the same.
#include "app/config_keys.hpp"
#include "app/config_load.hpp"
#include "app/config_print.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace parrhesia::app {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kFile = std::string(PARRHESIA_SOURCE_DIR) + "/config/parrhesia.toml";

std::string text_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ConfigFileTest, IsWhatTheTableDocuments) {
    EXPECT_EQ(text_of(kFile), documented_toml())
        << "after a change of keys: parrhesia config print --documented > config/parrhesia.toml";
}

TEST(ConfigFileTest, HoldsExactlyTheKeysWithTheirDefaults) {
    const LoadedConfig loaded = load_config({kFile, {}, {}});

    EXPECT_THAT(loaded.errors, IsEmpty());
    EXPECT_EQ(loaded.origins.size(), config_keys().size());
    for (const ConfigKey& key : config_keys()) {
        EXPECT_TRUE(loaded.origins.contains(key.name)) << key.name;
        EXPECT_EQ(key.get(loaded.config), key.default_value()) << key.name;
    }
}

TEST(ConfigFileTest, EveryKeyIsDescribed) {
    std::set<std::string> variables;
    for (const ConfigKey& key : config_keys()) {
        EXPECT_FALSE(key.description.empty()) << key.name;
        EXPECT_TRUE(key.description.ends_with('.')) << key.name;
        EXPECT_TRUE(variables.insert(key.environment_name()).second) << key.name;
    }
    EXPECT_FALSE(variables.contains("PARRHESIA_CONFIG"));
}

TEST(ConfigFileTest, EveryDefaultIsInItsOwnRange) {
    for (const ConfigKey& key : config_keys()) {
        Config config;
        EXPECT_EQ(key.set(config, key.default_value()), std::nullopt) << key.name;
    }
}

TEST(ConfigFileTest, PrintedConfigurationReadsBackTheSame) {
    const LoadedConfig loaded = load_config({std::nullopt,
                                             {{"PARRHESIA_LOG_FORMAT", "json"}},
                                             {"info.name=\"quote \\\" back \\\\ line \\n end\"",
                                              "limits.exempt=10.0.0.0/8,::1", "relay.port=0"}});
    ASSERT_THAT(loaded.errors, IsEmpty());
    const test::TemporaryFolder folder;
    const std::string path = (folder.path() / "printed.toml").string();
    std::ofstream(path) << effective_toml(loaded);

    const LoadedConfig again = load_config({path, {}, {}});
    EXPECT_THAT(again.errors, IsEmpty());
    for (const ConfigKey& key : config_keys()) {
        EXPECT_EQ(key.get(again.config), key.get(loaded.config)) << key.name;
    }
}

TEST(ConfigFileTest, PrintedConfigurationNamesTheOrigins) {
    const std::string text = effective_toml(
        load_config({std::nullopt, {{"PARRHESIA_LOG_FORMAT", "json"}}, {"relay.port=8080"}}));

    EXPECT_THAT(text, HasSubstr("port = 8080  # --set\n"));
    EXPECT_THAT(text, HasSubstr("format = \"json\"  # environment PARRHESIA_LOG_FORMAT\n"));
    EXPECT_THAT(text, HasSubstr("bind = \"127.0.0.1\"  # default\n"));
}

}  // namespace
}  // namespace parrhesia::app
