// No include points upward: the table of modules in docs/architecture.md, held against every file.
#include "style/source.hpp"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace parrhesia::style {
namespace {

// What a module may include beside itself. Adding an arrow is a design decision.
const std::map<std::string, std::set<std::string>> kAllowed = {
    {"base", {}},
    {"event", {"base"}},
    {"protocol", {"base", "event"}},
    {"policy", {"base", "event"}},
    {"store", {"base", "event"}},
    {"fanout", {"base", "event"}},
    {"pipeline", {"base", "event", "protocol", "policy", "store", "fanout"}},
    {"net", {"base", "event", "protocol", "fanout", "pipeline"}},
    {"mesh", {"base", "event", "protocol", "fanout"}},
    {"app", {"base", "event", "protocol", "policy", "store", "fanout", "pipeline", "net", "mesh"}},
};

// "src/store/lmdb/x.cpp" and "include/parrhesia/store/x.hpp" are both of "store".
std::string module_of(const std::string& path) {
    static const std::regex kPath("^(?:src|include/parrhesia)/([^/]+)/.*");
    std::smatch match;
    return std::regex_match(path, match, kPath) ? match[1].str() : "";
}

// One sentence for each include of the file that the table does not have.
std::vector<std::string> layering_violations(const std::string& path, const std::string& text) {
    static const std::regex kInclude(R"re(^\s*#\s*include\s*(["<])([^">]+)[">].*)re");
    const std::string module = module_of(path);
    const auto allowed = kAllowed.find(module);
    if (allowed == kAllowed.end()) return {path + ": not in a module of the table"};

    std::vector<std::string> violations;
    const auto refuse = [&](std::size_t line, const std::string& why) {
        violations.push_back(path + ":" + std::to_string(line) + ": " + why);
    };
    const auto lines = lines_of(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::smatch match;
        if (lines[i].find("include") == std::string::npos) continue;
        if (!std::regex_match(lines[i], match, kInclude)) continue;
        std::string target = match[2].str();
        const bool is_public = target.starts_with("parrhesia/");
        if (is_public) target.erase(0, std::string("parrhesia/").size());
        if (!is_public && match[1] == "<") continue;  // not ours
        const std::string other = target.substr(0, target.find('/'));
        if (target.find('/') == std::string::npos || !kAllowed.contains(other)) {
            refuse(i + 1, "\"" + match[2].str() + "\" names no module; write \"module/x.hpp\"");
        } else if (other == module) {
            if (!is_public && path.starts_with("include/")) {
                refuse(i + 1, "a public header includes the private " + target);
            }
        } else if (!allowed->second.contains(other)) {
            refuse(i + 1, module + " may not include " + other);
        } else if (!is_public && module != "app") {
            refuse(i + 1, "the header " + target + " is private to " + other);
        }
    }
    return violations;
}

// The same arrows as CMake has them: parrhesia_module(name ... DEPENDS a b ...).
std::vector<std::string> depends_violations(const std::string& path, const std::string& text) {
    static const std::regex kModule(R"(parrhesia_module\(\s*(\w+)([^)]*)\))");
    static const std::regex kWord(R"([A-Za-z_0-9./:]+)");
    std::vector<std::string> violations;
    for (std::sregex_iterator it(text.begin(), text.end(), kModule), end; it != end; ++it) {
        const std::string module = (*it)[1].str();
        const std::string arguments = (*it)[2].str();
        const auto allowed = kAllowed.find(module);
        if (allowed == kAllowed.end()) {
            violations.push_back(path + ": " + module + " is not a module of the table");
            continue;
        }
        std::string keyword;
        for (std::sregex_iterator word(arguments.begin(), arguments.end(), kWord); word != end;
             ++word) {
            const std::string value = word->str();
            if (value == "SOURCES" || value == "DEPENDS" || value == "LIBRARIES") {
                keyword = value;
            } else if (keyword == "DEPENDS" && !allowed->second.contains(value)) {
                violations.push_back(path + ": " + module + " may not depend on " + value);
            }
        }
    }
    return violations;
}

std::string joined(const std::vector<std::string>& sentences) {
    std::string all;
    for (const auto& sentence : sentences) all += sentence + "\n";
    return all;
}

TEST(LayeringTest, EveryIncludeFollowsTheTable) {
    const auto files = cpp_files({"include", "src"});
    ASSERT_GT(files.size(), 20u) << "the sources are not where the test looks for them";
    for (const auto& file : files) {
        EXPECT_EQ(joined(layering_violations(file.path, file.text)), "");
    }
}

TEST(LayeringTest, EveryDependencyInCMakeFollowsTheTable) {
    const auto files = files_below("src", {"CMakeLists.txt"});
    ASSERT_FALSE(files.empty());
    for (const auto& file : files) {
        EXPECT_EQ(joined(depends_violations(file.path, file.text)), "");
    }
}

TEST(LayeringTest, CatchesAnIncludeThatPointsUpward) {
    EXPECT_EQ(layering_violations("src/fanout/x.cpp", "#include \"parrhesia/net/listener.hpp\"\n"),
              std::vector<std::string>{"src/fanout/x.cpp:1: fanout may not include net"});
    EXPECT_EQ(
        layering_violations("include/parrhesia/event/x.hpp",
                            "#pragma once\n  # include <parrhesia/store/event_store.hpp>  // x\n"),
        std::vector<std::string>{"include/parrhesia/event/x.hpp:2: event may not include store"});
}

TEST(LayeringTest, CatchesAnIncludeBetweenModulesOfOneLevel) {
    EXPECT_EQ(layering_violations("src/policy/x.cpp", "#include \"parrhesia/store/writer.hpp\"\n"),
              std::vector<std::string>{"src/policy/x.cpp:1: policy may not include store"});
    EXPECT_EQ(layering_violations("src/net/x.cpp", "#include \"parrhesia/mesh/link.hpp\"\n").size(),
              1u);
}

TEST(LayeringTest, CatchesThePrivateHeaderOfAnotherModule) {
    EXPECT_EQ(layering_violations("src/pipeline/x.cpp", "#include \"store/lmdb/codec.hpp\"\n"),
              std::vector<std::string>{
                  "src/pipeline/x.cpp:1: the header store/lmdb/codec.hpp is private to store"});
    EXPECT_EQ(
        layering_violations("include/parrhesia/net/x.hpp", "#include \"net/ws_session.hpp\"\n"),
        std::vector<std::string>{"include/parrhesia/net/x.hpp:1: a public header includes the "
                                 "private net/ws_session.hpp"});
}

TEST(LayeringTest, CatchesAnIncludeWithoutAModule) {
    EXPECT_EQ(layering_violations("src/net/x.cpp", "#include \"ws_session.hpp\"\n").size(), 1u);
    EXPECT_EQ(layering_violations("src/net/x.cpp", "#include \"../base/x.hpp\"\n").size(), 1u);
}

TEST(LayeringTest, AcceptsWhatTheTableHas) {
    EXPECT_EQ(joined(layering_violations("src/store/lmdb/x.cpp",
                                         "#include \"parrhesia/store/lmdb_store.hpp\"\n"
                                         "#include \"store/lmdb/codec.hpp\"\n"
                                         "#include \"parrhesia/base/error.hpp\"\n"
                                         "#include <lmdb.h>\n#include <vector>\n")),
              "");
    EXPECT_EQ(joined(layering_violations("src/app/main.cpp",
                                         "#include \"parrhesia/net/listener.hpp\"\n"
                                         "#include \"store/lmdb/codec.hpp\"\n")),
              "");
}

TEST(LayeringTest, CatchesADependencyThatPointsUpward) {
    EXPECT_EQ(depends_violations("src/event/CMakeLists.txt",
                                 "parrhesia_module(event\n    SOURCES a.cpp\n"
                                 "    DEPENDS base store\n    LIBRARIES OpenSSL::Crypto)\n"),
              std::vector<std::string>{"src/event/CMakeLists.txt: event may not depend on store"});
}

}  // namespace
}  // namespace parrhesia::style
