// Sources, precedence, and every way to get a configuration wrong.
#include "app/config_load.hpp"

#include "app/config_keys.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace parrhesia::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ConfigLoadTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::string write(const std::string& text) const {
        std::ofstream(path_, std::ios::binary) << text;
        return path_;
    }
    [[nodiscard]] LoadedConfig load_file(const std::string& text) const {
        return load_config({write(text), {}, {}});
    }
    [[nodiscard]] static LoadedConfig load_set(std::vector<std::string> assignments) {
        return load_config({std::nullopt, {}, std::move(assignments)});
    }
    [[nodiscard]] static LoadedConfig load_variable(const std::string& name,
                                                    const std::string& value) {
        return load_config({std::nullopt, {{name, value}}, {}});
    }

    const test::TemporaryFolder folder_;
    const std::string path_ = (folder_.path() / "relay.toml").string();
};

TEST_F(ConfigLoadTest, WithoutSourcesGivesTheDefaults) {
    const LoadedConfig loaded = load_config({});

    EXPECT_THAT(loaded.errors, IsEmpty());
    EXPECT_THAT(loaded.origins, IsEmpty());
    EXPECT_EQ(loaded.config.relay.port, 7777);
    EXPECT_EQ(loaded.config.relay.bind, "127.0.0.1");
    EXPECT_EQ(loaded.config.admin.port, 7778);
    EXPECT_EQ(loaded.config.store.engine, "lmdb");
}

TEST_F(ConfigLoadTest, FileSetsValuesOfEveryType) {
    const LoadedConfig loaded = load_file(
        "[relay]\nport = 8080\ncompression = true\nping_seconds = 7\n"
        "[info]\nname = \"Grüße\"\n"
        "[limits]\nexempt = [\"10.0.0.0/8\", \"::1\"]\n"
        "[log]\nlevel = \"debug\"\nformat = \"json\"\n");

    ASSERT_THAT(loaded.errors, IsEmpty());
    EXPECT_EQ(loaded.config.relay.port, 8080);
    EXPECT_TRUE(loaded.config.relay.compression);
    EXPECT_EQ(loaded.config.relay.ping_seconds, std::chrono::seconds(7));
    EXPECT_EQ(loaded.config.info.name, "Grüße");
    EXPECT_THAT(loaded.config.limits.exempt, ElementsAre("10.0.0.0/8", "::1"));
    EXPECT_EQ(loaded.config.log.level, base::log::Level::debug);
    EXPECT_EQ(loaded.config.log.format, base::log::Format::json);
    EXPECT_EQ(loaded.origins.at("relay.port"), path_ + ":2");
}

TEST_F(ConfigLoadTest, EnvironmentOverridesFileAndSetOverridesBoth) {
    const std::string path =
        write("[relay]\nport = 1001\nthreads = 1\n[store]\npath = \"from-file\"\n");
    const LoadedConfig loaded =
        load_config({path,
                     {{"PARRHESIA_RELAY_PORT", "1002"}, {"PARRHESIA_RELAY_THREADS", "2"}},
                     {"relay.port=1003"}});

    ASSERT_THAT(loaded.errors, IsEmpty());
    EXPECT_EQ(loaded.config.relay.port, 1003);
    EXPECT_EQ(loaded.config.relay.threads, 2U);
    EXPECT_EQ(loaded.config.store.path, "from-file");
    EXPECT_EQ(loaded.origins.at("relay.port"), "--set");
    EXPECT_EQ(loaded.origins.at("relay.threads"), "environment PARRHESIA_RELAY_THREADS");
    EXPECT_EQ(loaded.origins.at("store.path"), path + ":5");
}

TEST_F(ConfigLoadTest, LaterAssignmentWins) {
    EXPECT_EQ(load_set({"relay.port=1", "relay.port=2"}).config.relay.port, 2);
}

TEST_F(ConfigLoadTest, UnknownKeyNamesPlaceAndNearestKey) {
    EXPECT_THAT(load_file("[relay]\n\n\nprot = 1\n").errors,
                ElementsAre(path_ + ":4: unknown key relay.prot; did you mean relay.port?"));
}

TEST_F(ConfigLoadTest, UnknownSectionNamesTheNearestSection) {
    EXPECT_THAT(load_file("\n[realy]\nport = 1\n").errors,
                ElementsAre(path_ + ":2: unknown section [realy]; did you mean [relay]?"));
}

TEST_F(ConfigLoadTest, KeyOutsideOfSectionsIsPointedToItsSection) {
    EXPECT_THAT(load_file("max_conections = 1\n").errors,
                ElementsAre(AllOf(HasSubstr(path_ + ":1: "), HasSubstr("outside of all sections"),
                                  HasSubstr("did you mean relay.max_connections?"))));
}

TEST_F(ConfigLoadTest, ValueInPlaceOfSectionIsRefused) {
    EXPECT_THAT(load_file("relay = 7\n").errors,
                ElementsAre(AllOf(HasSubstr(path_ + ":1: relay: "), HasSubstr("a section"))));
}

TEST_F(ConfigLoadTest, WrongTypeNamesWhatWasExpectedAndFound) {
    EXPECT_THAT(
        load_file("[relay]\nport = \"high\"\n").errors,
        ElementsAre(path_ + ":2: relay.port: expected an integer from 0 to 65535, found the "
                            "string \"high\""));
    EXPECT_THAT(load_file("[relay]\nport = 1.5\n").errors,
                ElementsAre(HasSubstr("found the number 1.5, which is no integer")));
    EXPECT_THAT(load_file("[relay]\nport = true\n").errors, ElementsAre(HasSubstr("found true")));
    EXPECT_THAT(load_file("[relay]\ncompression = 1\n").errors,
                ElementsAre(HasSubstr("expected true or false, found the integer 1")));
    EXPECT_THAT(load_file("[relay]\nbind = 127\n").errors,
                ElementsAre(HasSubstr("found the integer 127")));
    EXPECT_THAT(load_file("[relay.port]\nx = 1\n").errors, ElementsAre(HasSubstr("found a table")));
    EXPECT_THAT(load_file("[relay]\nport = 2026-01-01\n").errors,
                ElementsAre(HasSubstr("found a date or a time")));
    EXPECT_THAT(load_file("[limits]\nexempt = [1]\n").errors,
                ElementsAre(HasSubstr("a list with elements that are no strings")));
    EXPECT_THAT(load_file("[info]\nname = [\"a\"]\n").errors,
                ElementsAre(HasSubstr("found the list [\"a\"]")));
}

TEST_F(ConfigLoadTest, ValueOutOfRangeNamesTheRange) {
    EXPECT_THAT(load_file("[relay]\nport = 65536\n").errors,
                ElementsAre(AllOf(HasSubstr("from 0 to 65535"), HasSubstr("the integer 65536"))));
    EXPECT_THAT(load_file("[relay]\nthreads = -1\n").errors,
                ElementsAre(HasSubstr("found the integer -1")));
    EXPECT_THAT(load_file("[limits]\nsubscription_id_characters = 65\n").errors, SizeIs(1));
}

TEST_F(ConfigLoadTest, BoundsOfARangeAreInside) {
    for (const ConfigKey& key : config_keys()) {
        if (key.type != ValueType::integer) continue;
        long long min = 0;
        long long max = 0;
        ASSERT_EQ(std::sscanf(key.expected.c_str(), "an integer from %lld to %lld", &min, &max), 2);
        Config config;
        for (const std::int64_t inside : {std::int64_t{min}, std::int64_t{max}}) {
            EXPECT_EQ(key.set(config, inside), std::nullopt) << key.name;
            EXPECT_EQ(std::get<std::int64_t>(key.get(config)), inside) << key.name;
        }
        EXPECT_TRUE(key.set(config, std::int64_t{min - 1})) << key.name;
        EXPECT_TRUE(key.set(config, std::int64_t{max + 1})) << key.name;
    }
}

TEST_F(ConfigLoadTest, WordsOutsideOfTheChoiceAreRefused) {
    EXPECT_THAT(load_file("[log]\nformat = \"xml\"\n").errors,
                ElementsAre(HasSubstr("expected \"text\" or \"json\", found the string \"xml\"")));
    EXPECT_THAT(load_file("[store]\nengine = \"sqlite\"\n").errors,
                ElementsAre(HasSubstr("store.engine: expected \"lmdb\"")));
}

TEST_F(ConfigLoadTest, TextsAreValidated) {
    EXPECT_THAT(load_set({"relay.bind=localhost"}).errors,
                ElementsAre(HasSubstr("expected an IP address")));
    EXPECT_THAT(load_set({"relay.bind=::1"}).errors, IsEmpty());
    EXPECT_THAT(load_set({"relay.public_url=https://x"}).errors, SizeIs(1));
    EXPECT_THAT(load_set({"relay.public_url=wss://x"}).errors, IsEmpty());
    EXPECT_THAT(load_set({"info.icon=ftp://x"}).errors, SizeIs(1));
    EXPECT_THAT(load_set({"info.pubkey=npub1abc"}).errors, SizeIs(1));
    EXPECT_THAT(load_set({"info.pubkey=" + std::string(64, 'a')}).errors, IsEmpty());
    EXPECT_THAT(load_set({"store.path="}).errors, SizeIs(1));
}

TEST_F(ConfigLoadTest, NetworkThatIsNoneIsNamed) {
    EXPECT_THAT(load_file("[limits]\nexempt = [\"10.0.0.0/8\", \"10.0.0.1/8\"]\n").errors,
                ElementsAre(AllOf(HasSubstr("limits.exempt"), HasSubstr("10.0.0.1/8"))));
}

TEST_F(ConfigLoadTest, ExemptNetworksCanBeAsked) {
    const LoadedConfig loaded = load_set({"limits.exempt=10.0.0.0/8, ::1"});

    ASSERT_THAT(loaded.errors, IsEmpty());
    const base::NetworkList networks = loaded.config.limits.exempt_networks();
    EXPECT_TRUE(networks.contains(*base::parse_ip("10.9.9.9")));
    EXPECT_TRUE(networks.contains(*base::parse_ip("::1")));
    EXPECT_FALSE(networks.contains(*base::parse_ip("11.0.0.1")));
}

TEST_F(ConfigLoadTest, BrokenTomlNamesTheLine) {
    EXPECT_THAT(load_file("[relay]\nport = \n").errors,
                ElementsAre(AllOf(HasSubstr(path_ + ":2: not TOML: "))));
    EXPECT_THAT(load_file("[relay]\nport = 1\nport = 2\n").errors,
                ElementsAre(HasSubstr(path_ + ":3: not TOML: ")));
}

TEST_F(ConfigLoadTest, UnreadableFileIsNamed) {
    EXPECT_THAT(load_config({"/does/not/exist.toml", {}, {}}).errors,
                ElementsAre(AllOf(HasSubstr("/does/not/exist.toml"), HasSubstr("No such file"))));
    EXPECT_THAT(load_config({folder_.path().string(), {}, {}}).errors,
                ElementsAre(AllOf(HasSubstr(folder_.path().string()), HasSubstr("directory"))));
    EXPECT_THAT(load_file(std::string((1 << 20) + 1, '#')).errors,
                ElementsAre(HasSubstr("larger than 1 MiB")));
}

TEST_F(ConfigLoadTest, EmptyFileIsFine) { EXPECT_THAT(load_file("").errors, IsEmpty()); }

TEST_F(ConfigLoadTest, EveryErrorIsReportedInTheOrderOfTheFile) {
    const LoadedConfig loaded =
        load_file("[store]\npath = 1\nslice_ms = 0\n[relay]\nprot = 1\nport = -1\n");

    EXPECT_THAT(loaded.errors,
                ElementsAre(HasSubstr(":2: store.path"), HasSubstr(":3: store.slice"),
                            HasSubstr(":5: unknown key relay.prot"), HasSubstr(":6: relay.port")));
}

TEST_F(ConfigLoadTest, UnknownVariableNamesTheNearest) {
    EXPECT_THAT(load_variable("PARRHESIA_RELAY_PROT", "1").errors,
                ElementsAre("environment PARRHESIA_RELAY_PROT: unknown variable; did you mean "
                            "PARRHESIA_RELAY_PORT?"));
    EXPECT_THAT(load_variable("PARRHESIA_CONFIGURATION", "x").errors,
                ElementsAre(HasSubstr("PARRHESIA_CONFIG?")));
}

TEST_F(ConfigLoadTest, WrongVariableNamesItself) {
    EXPECT_THAT(load_variable("PARRHESIA_RELAY_PORT", "").errors,
                ElementsAre(AllOf(HasSubstr("environment PARRHESIA_RELAY_PORT: relay.port"),
                                  HasSubstr("found the string \"\""))));
}

TEST_F(ConfigLoadTest, SourcesTakeOurVariablesAndTheFile) {
    const char* const block[] = {"HOME=/root", "PARRHESIA_CONFIG=a.toml",
                                 "PARRHESIA_LOG_LEVEL=warn", "PARRHESIAX=1", nullptr};

    const ConfigSources sources = sources_from(std::nullopt, block, {});
    EXPECT_EQ(sources.file, "a.toml");
    ASSERT_THAT(sources.environment, SizeIs(1));
    EXPECT_EQ(sources.environment[0].first, "PARRHESIA_LOG_LEVEL");
    EXPECT_EQ(sources.environment[0].second, "warn");
    EXPECT_EQ(sources_from("b.toml", block, {}).file, "b.toml");
}

TEST_F(ConfigLoadTest, TextsMayStandWithoutQuotes) {
    EXPECT_EQ(load_set({"info.name=My relay"}).config.info.name, "My relay");
    EXPECT_EQ(load_set({"info.name=123"}).config.info.name, "123");
    EXPECT_EQ(load_set({"info.name=\"a\\tb\""}).config.info.name, "a\tb");
    EXPECT_EQ(load_set({"info.name='a\\tb'"}).config.info.name, "a\\tb");
    EXPECT_EQ(load_set({"info.name=a=b"}).config.info.name, "a=b");
    EXPECT_EQ(load_set({"info.name=\"unclosed"}).config.info.name, "\"unclosed");
}

TEST_F(ConfigLoadTest, ListsMayStandAsWords) {
    EXPECT_THAT(load_set({"limits.exempt=10.0.0.0/8,::1"}).config.limits.exempt,
                ElementsAre("10.0.0.0/8", "::1"));
    EXPECT_THAT(load_set({"limits.exempt=[\"::1\"]"}).config.limits.exempt, ElementsAre("::1"));
    EXPECT_THAT(load_set({"limits.exempt="}).config.limits.exempt, IsEmpty());
    EXPECT_THAT(load_set({"limits.exempt=[\"::1\""}).errors, SizeIs(1));
}

TEST_F(ConfigLoadTest, NumbersAreToml) {
    EXPECT_EQ(load_set({"store.queue_bytes=67_108_865"}).config.store.queue_bytes, 67108865U);
    EXPECT_EQ(load_set({"relay.port=0x1F90"}).config.relay.port, 8080);
}

TEST_F(ConfigLoadTest, TextOfAValueCannotSetOtherKeys) {
    EXPECT_THAT(load_set({"relay.port=1\nother = 2"}).errors, SizeIs(1));
}

TEST_F(ConfigLoadTest, BytesThatAreNotUtf8AreRefused) {
    EXPECT_THAT(load_set({"info.name=\xff\xfe"}).errors,
                ElementsAre(HasSubstr("bytes that are not UTF-8")));
    EXPECT_THAT(load_file("[info]\nname = \"\xff\"\n").errors, ElementsAre(HasSubstr("not TOML")));
}

TEST_F(ConfigLoadTest, AssignmentWithoutEqualsSignIsRefused) {
    EXPECT_THAT(load_set({"relay.port"}).errors,
                ElementsAre(HasSubstr("--set relay.port: expected key=value")));
    EXPECT_THAT(load_set({"port=1"}).errors,
                ElementsAre("--set: unknown key port; did you mean relay.port?"));
}

TEST_F(ConfigLoadTest, ContradictionsNameBothKeysAndTheirOrigins) {
    const LoadedConfig loaded = load_file("[limits]\ndefault_limit = 9000\n");

    EXPECT_THAT(loaded.errors,
                ElementsAre(path_ + ":2: limits.default_limit: expected at most limits.max_limit "
                                    "(5000), found 9000 (limits.max_limit is from the defaults)"));
}

TEST_F(ConfigLoadTest, EveryContradictionIsFound) {
    const auto conflict = [](const std::vector<std::string>& assignments, const std::string& a,
                             const std::string& b) {
        EXPECT_THAT(load_set(assignments).errors, ElementsAre(AllOf(HasSubstr(a), HasSubstr(b))));
    };
    conflict({"limits.event_bytes=524288"}, "limits.event_bytes", "limits.message_bytes");
    conflict({"limits.unsent_bytes=4194304", "limits.message_bytes=8388608"}, "limits.unsent_bytes",
             "limits.message_bytes");
    conflict({"relay.idle_seconds=30"}, "relay.idle_seconds", "relay.ping_seconds");
    conflict({"relay.max_connections=50"}, "relay.max_connections_per_ip", "relay.max_connections");
    conflict({"admin.port=7777"}, "admin.port", "relay.port");
    conflict({"admin.port=7777", "admin.bind=0.0.0.0"}, "admin.port", "relay.port");
    conflict({"limits.message_bytes=10000000", "limits.event_bytes=2000000",
              "store.queue_bytes=1048576"},
             "limits.event_bytes", "store.queue_bytes");
    EXPECT_THAT(load_set({"admin.port=7777", "admin.bind=127.0.0.2"}).errors, IsEmpty());
    EXPECT_THAT(load_set({"admin.port=0", "relay.port=0"}).errors, IsEmpty());
}

TEST_F(ConfigLoadTest, RefusedValueIsNotComparedWithOthers) {
    EXPECT_THAT(load_set({"limits.max_limit=0", "limits.default_limit=9000"}).errors,
                ElementsAre(HasSubstr("limits.max_limit")));
}

}  // namespace
}  // namespace parrhesia::app
