// What docs/nips.md points to exists: each case is a test over the wire, each key can be set.
#include "app/config_keys.hpp"
#include "app/supported_nips.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace parrhesia::app {
namespace {

using ::testing::IsEmpty;

const std::filesystem::path kCases = std::filesystem::path(PARRHESIA_SOURCE_DIR) / "tests/e2e/nips";

// "T09.01-T09.03" are three.
std::vector<std::string> expanded(std::string_view name) {
    const std::string prefix(name.substr(0, 4));
    const int first = std::stoi(std::string(name.substr(4, 2)));
    const int last = name.size() == 6 ? first : std::stoi(std::string(name.substr(11, 2)));
    std::vector<std::string> names;
    for (int number = first; number <= last; ++number) {
        names.push_back(prefix + (number < 10 ? "0" : "") + std::to_string(number));
    }
    return names;
}

// The cases that begin the name of a test: it('T09.01 ...', test("T09.01 ...", ...
std::set<std::string> tested_cases() {
    static const std::regex kTest(R"(\b(?:it|test|describe)\(\s*['"`](T\d\d\.\d\d)\b)");
    std::set<std::string> cases;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kCases)) {
        if (entry.path().extension() != ".js") continue;
        std::ifstream in(entry.path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        for (std::sregex_iterator it(text.begin(), text.end(), kTest), end; it != end; ++it) {
            cases.insert((*it)[1].str());
        }
    }
    return cases;
}

TEST(NipsProofTest, EveryCaseOfTheTableIsATest) {
    ASSERT_TRUE(std::filesystem::is_directory(kCases));
    const std::set<std::string> tested = tested_cases();
    for (const Nip& nip : nips()) {
        for (const std::string_view range : nip.cases) {
            for (const std::string& name : expanded(range)) {
                EXPECT_TRUE(tested.contains(name)) << "NIP-" << nip.number << ": " << name;
            }
        }
    }
}

TEST(NipsProofTest, EveryKeyOfTheTableExists) {
    for (const Nip& nip : nips()) {
        for (const std::string_view name : nip.config) {
            const auto& sections = config_sections();
            const bool is_section =
                std::any_of(sections.begin(), sections.end(),
                            [name](const auto& section) { return section.name == name; });
            EXPECT_TRUE(is_section || find_config_key(name) != nullptr) << name;
        }
    }
}

TEST(NipsProofTest, EveryKeyInTheTextExists) {
    static const std::regex kKey(R"(`((?:relay|limits|auth|marmot|retention|rates|info)\.\w+)`)");
    const std::string text = nips_markdown();
    std::vector<std::string> missing;
    for (std::sregex_iterator it(text.begin(), text.end(), kKey), end; it != end; ++it) {
        if (find_config_key((*it)[1].str()) == nullptr) missing.push_back((*it)[1].str());
    }
    EXPECT_THAT(missing, IsEmpty());
}

TEST(NipsProofTest, RangesOfCasesAreExpanded) {
    EXPECT_EQ(expanded("T09.01"), std::vector<std::string>{"T09.01"});
    EXPECT_EQ(expanded("T01.08-T01.11"),
              (std::vector<std::string>{"T01.08", "T01.09", "T01.10", "T01.11"}));
}

}  // namespace
}  // namespace parrhesia::app
