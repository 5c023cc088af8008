// docs/nips.md, NIP-11 and the table are one and the same.
#include "app/supported_nips.hpp"

#include "app/relay_information.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace parrhesia::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kFile = std::string(PARRHESIA_SOURCE_DIR) + "/docs/nips.md";

bool nothing(event::Kind) { return false; }

TEST(SupportedNipsTest, DocumentIsWhatTheTableSays) {
    std::ifstream in(kFile, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(text, nips_markdown())
        << "after a change of the table: parrhesia nips --markdown > docs/nips.md";
}

TEST(SupportedNipsTest, RelayAnnouncesTheTable) {
    EXPECT_THAT(supported_nips(nothing),
                ElementsAre(1, 2, 4, 9, 11, 13, 17, 40, 42, 45, 59, 62, 65, 67, 70));
    EXPECT_EQ(relay_information_of(Config()).supported_nips, supported_nips(nothing));
}

TEST(SupportedNipsTest, NipWhoseKindIsNotTakenIsNotAnnounced) {
    const auto without = [](event::Kind denied) {
        return supported_nips([denied](event::Kind kind) { return kind == denied; });
    };
    EXPECT_THAT(without(event::kGiftWrap),
                ElementsAre(1, 2, 4, 9, 11, 13, 40, 42, 45, 62, 65, 67, 70));
    EXPECT_THAT(without(3), ElementsAre(1, 4, 9, 11, 13, 17, 40, 42, 45, 59, 62, 65, 67, 70));
    EXPECT_EQ(without(event::kVanish), supported_nips(nothing)) << "it is taken all the same";
    EXPECT_EQ(without(1984), supported_nips(nothing));
}

TEST(SupportedNipsTest, RelayAnnouncesOnlyWhatTheConfigurationLeaves) {
    Config config;
    config.limits.denied_kinds = {"4", "1000-1999"};
    EXPECT_THAT(relay_information_of(config).supported_nips,
                ElementsAre(1, 2, 9, 11, 13, 40, 42, 45, 62, 65, 67, 70));
}

TEST(SupportedNipsTest, EveryRowSaysWhatAndHowItIsProved) {
    static const std::regex kCase(R"(T(\d\d)\.(\d\d)(-T\1\.(\d\d))?)");
    int last = 0;
    for (const Nip& nip : nips()) {
        EXPECT_GT(nip.number, last);
        last = nip.number;
        EXPECT_FALSE(nip.title.empty()) << nip.number;
        EXPECT_TRUE(nip.supported.ends_with('.')) << nip.number;
        EXPECT_FALSE(nip.cases.empty()) << nip.number;
        for (const std::string_view name : nip.cases) {
            EXPECT_TRUE(std::regex_match(std::string(name), kCase)) << name;
        }
    }
}

TEST(SupportedNipsTest, LinesOfTheDocumentAreNotLong) {
    std::istringstream lines(nips_markdown());
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('|')) continue;
        EXPECT_LE(line.size(), 120U) << line;
        EXPECT_FALSE(line.ends_with(' ')) << line;
    }
}

TEST(SupportedNipsTest, TerminalGetsALineForEach) {
    const std::string text = nips_text();
    EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), nips().size());
    EXPECT_THAT(text, HasSubstr("NIP-09  Event deletion request"));
}

}  // namespace
}  // namespace parrhesia::app
