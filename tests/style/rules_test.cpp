// The rules of the house that a machine can check. Each rule is a function of a text, tested on
// planted samples, and then held against every file.
#include "style/source.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

namespace parrhesia::style {
namespace {

// Headers that public headers must not carry into every file that includes them: slow to compile,
// or the private matter of one module.
std::vector<std::string> forbidden_headers(const std::string& text) {
    static const std::regex kForbidden(
        R"re(^\s*#\s*include\s*["<](boost/beast|libpq|postgresql/|pqxx|simdjson|lmdb|prometheus/|toml|CLI/)[^">]*[">])re");
    std::vector<std::string> found;
    for (const auto& line : lines_of(text)) {
        if (line.find("include") == std::string::npos) continue;
        if (std::regex_search(line, kForbidden)) found.push_back(line);
    }
    return found;
}

bool opens_with_pragma_once(const std::string& text) {
    for (const auto& line : lines_of(without_literals(text, Comments::blank))) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        return line == "#pragma once";
    }
    return false;
}

// A mark of unfinished work names the issue that will finish it: TODO(#12).
bool has_mark_without_issue(const std::string& code_and_comments) {
    static const std::regex kMark(R"(\b(TODO|FIXME|XXX|HACK)\b(?!\(#[0-9]+\)))");
    for (const char* mark : {"TODO", "FIXME", "XXX", "HACK"}) {
        if (code_and_comments.find(mark) == std::string::npos) continue;
        if (std::regex_search(code_and_comments, kMark)) return true;
    }
    return false;
}

// A folder of one person's machine. Folders that any Debian has (/etc, /var/lib, /tmp) are not
// meant.
bool names_a_private_folder(const std::string& text) {
    static const std::regex kFolder(
        R"((^|[^A-Za-z0-9_.}~/-])/(home|root|Users|mnt)/[A-Za-z0-9_.])");
    for (const char* folder : {"/home/", "/root/", "/Users/", "/mnt/"}) {
        if (text.find(folder) == std::string::npos) continue;
        for (const auto& line : lines_of(text)) {
            if (std::regex_search(line, kFolder)) return true;
        }
    }
    return false;
}

// Names of tests that do not say what is expected: one word, a number, or not in PascalCase.
std::vector<std::string> poor_test_names(const std::string& text) {
    static const std::regex kTest(R"(\b(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\))");
    static const std::regex kName("[A-Z][A-Za-z0-9]*");
    std::vector<std::string> poor;
    for (std::sregex_iterator it(text.begin(), text.end(), kTest), end; it != end; ++it) {
        const std::string name = (*it)[2].str();
        const auto words =
            std::count_if(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
        if (words < 2 || !std::regex_match(name, kName)) {
            poor.push_back((*it)[1].str() + "." + name);
        }
    }
    return poor;
}

TEST(HouseRulesTest, PublicHeadersKeepThirdPartyHeadersOut) {
    for (const auto& file : files_below("include", {".hpp"})) {
        EXPECT_EQ(forbidden_headers(file.text), std::vector<std::string>()) << file.path;
    }
    EXPECT_EQ(forbidden_headers("#include <boost/beast/core.hpp>\n").size(), 1u);
    EXPECT_EQ(forbidden_headers("#  include <simdjson.h>\n#include \"lmdb.h\"\n").size(), 2u);
    EXPECT_EQ(forbidden_headers("#include <libpq-fe.h>\n").size(), 1u);
    EXPECT_EQ(forbidden_headers("#include <prometheus/counter.h>\n").size(), 1u);
    EXPECT_EQ(forbidden_headers("#include <boost/asio/awaitable.hpp>\n#include <vector>\n"
                                "#include \"parrhesia/store/lmdb_store.hpp\"\n")
                  .size(),
              0u);
}

TEST(HouseRulesTest, EveryHeaderIsGuardedByPragmaOnce) {
    for (const auto& file : cpp_files({"include", "src", "tests", "bench"})) {
        if (!file.path.ends_with(".hpp")) continue;
        EXPECT_TRUE(opens_with_pragma_once(file.text)) << file.path;
    }
    EXPECT_TRUE(opens_with_pragma_once("// What it is.\n\n#pragma once\n#include <map>\n"));
    EXPECT_FALSE(opens_with_pragma_once("#include <map>\n#pragma once\n"));
    EXPECT_FALSE(opens_with_pragma_once("#ifndef X\n#define X\n#endif\n"));
}

TEST(HouseRulesTest, UnfinishedWorkNamesItsIssue) {
    for (const auto& file : cpp_files({"include", "src", "tests", "bench"})) {
        EXPECT_FALSE(has_mark_without_issue(without_literals(file.text, Comments::keep)))
            << file.path;
    }
    EXPECT_TRUE(has_mark_without_issue("int a;  // TODO: more"));
    EXPECT_TRUE(has_mark_without_issue("// FIXME(me) later"));
    EXPECT_FALSE(has_mark_without_issue("// TODO(#12): more"));
    EXPECT_FALSE(has_mark_without_issue("int todo = kTODOS;"));
}

TEST(HouseRulesTest, FilesHoldOneIdea) {
    for (const auto& file : cpp_files({"include", "src"})) {
        EXPECT_LE(std::count(file.text.begin(), file.text.end(), '\n'), 500)
            << file.path << " is too long: it holds two ideas";
    }
}

TEST(HouseRulesTest, TestNamesStateBehaviour) {
    for (const auto& file : cpp_files({"tests"})) {
        EXPECT_EQ(poor_test_names(without_literals(file.text, Comments::blank)),
                  std::vector<std::string>())
            << file.path;
    }
    EXPECT_EQ(poor_test_names("TEST(FilterTest, Works) {"),
              std::vector<std::string>{"FilterTest.Works"});
    EXPECT_EQ(poor_test_names("TEST_F(FilterTest, Test1) {\nTYPED_TEST(StoreTest, a_b) {").size(),
              2u);
    EXPECT_EQ(poor_test_names("TEST_F(FilterTest,\n       SameIdReplacesTheOldFilter) {").size(),
              0u);
}

TEST(HouseRulesTest, TestFilesAreNamedAfterWhatTheyTest) {
    for (const auto& file : cpp_files({"tests"})) {
        const bool has_tests =
            !std::regex_search(file.path,
                               std::regex("^tests/((integration|postgres)/)?(support|fuzz)/")) &&
            file.path.ends_with(".cpp");
        EXPECT_TRUE(!has_tests || file.path.ends_with("_test.cpp")) << file.path;
    }
}

TEST(HouseRulesTest, NoFileNamesAFolderOfOneMachine) {
    const std::vector<std::string> endings = {
        ".cpp", ".hpp", ".txt", ".cmake", ".json",  ".toml", ".md",  ".yml",      ".js",
        ".py",  "run",  "test", ".sh",    "format", "tidy",  "fuzz", "Dockerfile"};
    for (const char* folder : {"include", "src", "tests", "bench", "cmake", "config", "docs",
                               "docker", "scripts", ".ci"}) {
        for (const auto& file : files_below(folder, endings)) {
            EXPECT_FALSE(names_a_private_folder(file.text)) << file.path;
        }
    }
    const std::string folder = std::string("/ho") + "me/someone/relay";
    EXPECT_TRUE(names_a_private_folder("path = \"" + folder + "\""));
    EXPECT_TRUE(names_a_private_folder(folder));
    EXPECT_FALSE(names_a_private_folder("build" + folder));
    EXPECT_FALSE(names_a_private_folder("/var/lib/parrhesia"));
}

}  // namespace
}  // namespace parrhesia::style
