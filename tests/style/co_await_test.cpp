// g++ 12 miscompiles temporaries in a statement with a co_await: what they own is freed twice. The
// house rule: one co_await per statement, its arguments are named locals or constructor calls; no
// braces, no capturing lambda, no ?: in that statement.
#include "style/source.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::style {
namespace {

bool breaks_the_rule(const std::string& statement) {
    static const std::regex kForbidden(
        R"(\bco_await\b[^;]*(\{(?!\s*$)|\[[^\]]|\?)|(\{|\?)[^;]*\bco_await\b)");
    return std::regex_search(statement, kForbidden);
}

std::string_view trimmed(std::string_view line) {
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(" \t") - first + 1);
}

// A brace at a line's end opens a block, except right behind a name or a bracket, where
// clang-format leaves no blank (Agg{), and behind a comma or an equals sign.
bool ends_in_an_initializer(std::string_view line) {
    if (!line.ends_with('{') || line.size() < 2) return false;
    const char before = line[line.size() - 2];
    if (before != ' ') return true;
    const auto word = trimmed(line.substr(0, line.size() - 1));
    return word.ends_with(',') || word.ends_with('=') || word.ends_with('(');
}

// Lines (from 1) of the statements that break the rule. A statement may run over several lines.
std::vector<std::size_t> co_await_violations(const std::string& text) {
    std::vector<std::size_t> violations;
    if (text.find("co_await") == std::string::npos) return violations;
    std::string statement;
    std::size_t begin = 0;
    const auto lines = lines_of(without_literals(text, Comments::blank));
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto line = trimmed(lines[i]);
        if (line.empty() || line.starts_with('#')) continue;
        if (statement.empty()) begin = i + 1;
        if (!statement.empty()) statement += ' ';
        statement += line;
        const bool complete = line.ends_with(';') || line.ends_with('}') || line.ends_with(':') ||
                              (line.ends_with('{') && !ends_in_an_initializer(line));
        if (!complete) continue;
        if (statement.find("co_await") != std::string::npos && breaks_the_rule(statement)) {
            violations.push_back(begin);
        }
        statement.clear();
    }
    return violations;
}

TEST(CoAwaitTest, NoStatementOfTheProjectIsMiscompiled) {
    for (const auto& file : cpp_files({"include", "src", "tests", "bench"})) {
        for (const auto line : co_await_violations(file.text)) {
            ADD_FAILURE()
                << file.path << ":" << line
                << ": a brace, a capture or ?: in a statement with co_await, which g++ 12 "
                   "miscompiles: put it into a named local first";
        }
    }
}

TEST(CoAwaitTest, CatchesEveryFormThatFreesTwice) {
    const std::vector<std::string> miscompiled = {
        "co_await f(Agg{str, 1});",
        "co_await f({.host = s});",
        "co_await f({});",
        "Agg a{co_await g(), 1};",
        "v.push_back({co_await g(), 1});",
        "co_await [s]() -> awaitable<void> {",
        "co_await co_spawn(ex, [s] { return h(s); }, use_awaitable);",
        "x = cond ? co_await g() : T(1);",
        "x = co_await g() ? a : b;",
        "co_await f({a, b, c});",
    };
    for (const auto& statement : miscompiled) {
        EXPECT_EQ(co_await_violations(statement).size(), 1u) << statement;
    }
}

TEST(CoAwaitTest, CatchesAStatementOverSeveralLines) {
    EXPECT_EQ(co_await_violations("int a;\nconst auto r = co_await f(\n    b, {.host = s});\n"),
              std::vector<std::size_t>{2});
    EXPECT_EQ(co_await_violations("co_await f({\n    .host = s,\n});\n"),
              std::vector<std::size_t>{1});
    EXPECT_EQ(co_await_violations("co_await f(Agg{\n    .host = s});\n"),
              std::vector<std::size_t>{1});
    EXPECT_EQ(co_await_violations("x = cond\n        ? co_await g()\n        : T(1);\n"),
              std::vector<std::size_t>{1});
}

TEST(CoAwaitTest, AcceptsTheFormsThatCompileCorrectly) {
    const std::vector<std::string> fine = {
        "const auto [error, bytes] = co_await ws.async_read(in, kNoThrow);",
        "const auto stored = co_await store_.append(event);",
        "co_await f(std::string(\"{?[x\"), std::vector<int>(3));",
        "if (co_await f(a) && co_await g(b)) {\n    return;\n}\n",
        "while (co_await next()) {\n",
        "for (;;) {\n    co_await f(a);\n}\n",
        "asio::awaitable<void> run() {\n    co_await f(a);\n}\n",
        "// co_await f({});\n",
        "int many = 1'000;  // co_await [s]\n",
        "const Options options{.host = s};\nco_await f(options);\n",
        "asio::post(context, [self] {\n    self->run();\n});\nco_await done();\n",
    };
    for (const auto& statement : fine) {
        EXPECT_TRUE(co_await_violations(statement).empty()) << statement;
    }
}

}  // namespace
}  // namespace parrhesia::style
