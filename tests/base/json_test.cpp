#include "parrhesia/base/json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace parrhesia::base {
namespace {

std::string escaped(std::string_view text) {
    std::string out;
    append_json_escaped(out, text);
    return out;
}

TEST(JsonEscape, UsesTheSevenShortForms) {
    EXPECT_EQ(escaped("\n\"\\\r\t\b\f"), R"(\n\"\\\r\t\b\f)");
}

TEST(JsonEscape, OtherControlCharactersAreLowercaseUnicodeEscapes) {
    EXPECT_EQ(escaped(std::string_view("\0\x01\x1f", 3)), R"(\u0000\u0001\u001f)");
}

TEST(JsonEscape, EverythingElseIsVerbatim) {
    const std::string text = "/<>&'\x7f é \xe2\x80\xa8 \xf0\x9f\x98\x80";
    EXPECT_EQ(escaped(text), text);
}

TEST(JsonEscape, TextBetweenEscapesSurvives) { EXPECT_EQ(escaped("a\nb\nc"), R"(a\nb\nc)"); }

}  // namespace
}  // namespace parrhesia::base
