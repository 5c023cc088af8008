#include "parrhesia/event/parse.hpp"

#include "parrhesia/event/verify.hpp"

#include "support/event_generator.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::event {
namespace {

using base::Errc;

constexpr std::string_view kPubkey =
    "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

// The JSON of an event, field by field, each as raw JSON text. parse_event() does not verify the
// signature, so any will do.
class EventText {
  public:
    EventText() {
        set("id", quote(std::string(64, '0')));
        set("pubkey", quote(kPubkey));
        set("created_at", "1700000000");
        set("kind", "1");
        set("tags", "[]");
        set("content", "\"\"");
        set("sig", quote(std::string(128, '0')));
    }
    EventText& set(std::string_view name, std::string_view raw) {
        for (auto& [field, value] : fields_) {
            if (field == name) {
                value = raw;
                return *this;
            }
        }
        fields_.emplace_back(name, raw);
        return *this;
    }
    EventText& remove(std::string_view name) {
        std::erase_if(fields_, [name](const auto& field) { return field.first == name; });
        return *this;
    }
    EventText& repeat(std::string_view name) {
        for (const auto& field : std::vector(fields_)) {
            if (field.first == name) fields_.push_back(field);
        }
        return *this;
    }
    [[nodiscard]] std::string text() const {
        std::string result;
        for (const auto& [name, value] : fields_) {
            result += (result.empty() ? "{" : ",") + quote(name) + ":" + value;
        }
        return result + "}";
    }
    [[nodiscard]] static std::string quote(std::string_view text) {
        return '"' + std::string(text) + '"';
    }

  private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

class ParseEventTest : public testing::Test {
  protected:
    void expect_invalid(const EventText& text, std::string_view field) {
        const auto result = reader.event(text.text());
        ASSERT_FALSE(result) << text.text();
        EXPECT_EQ(result.error().code, Errc::invalid_event) << text.text();
        EXPECT_NE(result.error().text.find('"' + std::string(field) + '"'), std::string::npos)
            << result.error().text;
    }
    void expect_code(std::string_view text, Errc code) {
        const auto result = reader.event(text);
        ASSERT_FALSE(result) << text;
        EXPECT_EQ(result.error().code, code) << text << ": " << result.error().text;
    }

    JsonReader reader;
};

TEST_F(ParseEventTest, EscapesAreDecodedAndWrittenAgainForTheId) {
    EventText text;
    text.set(
        "content",
        R"("line\nquote\"back\\cr\rtab\tbs\bff\f slash\/ <>& \u2028 \u007f \ud83d\ude00 \u00e9")");
    text.set("tags", R"([["t","a\"b\\c\n"]])");
    text.set("id", "\"f5fa15143462a1a6109b56b1d9ebd378644027a59d64fee66b367725879597d1\"");

    const auto event = reader.event(text.text());

    ASSERT_TRUE(event) << event.error().text;
    const std::string escaped =
        R"(,"tags":[["t","a\"b\\c\n"]],"content":"line\nquote\"back\\cr\rtab\tbs\bff\f slash/ <>& )"
        "\xE2\x80\xA8 \x7F \xF0\x9F\x98\x80 \xC3\xA9\",\"sig\"";
    EXPECT_NE((*event)->json().find(escaped), std::string_view::npos) << (*event)->json();
}

TEST_F(ParseEventTest, AcceptsBothIdFormsOfAControlCharacterAndServesOnlyTheEscapedOne) {
    EventText text;
    text.set("content", R"("\u0001")");
    for (const std::string id :
         {"6f987971695e14e551ce69c867190cdbb499394284fc38a38fef0c8ba6cbaf5b",
          "7e318758eb5fd7f312618ea1db457e7e6c3a159da67db39bbe8428119435565d"}) {
        text.set("id", EventText::quote(id));
        const auto event = reader.event(text.text());
        ASSERT_TRUE(event) << event.error().text;
        EXPECT_EQ(base::to_hex((*event)->id()), id);
        EXPECT_NE((*event)->json().find(R"("content":"\u0001")"), std::string_view::npos);
    }
}

TEST_F(ParseEventTest, AcceptsTheMinedNoteOfNip13) {
    const auto event = reader.event(
        R"({"id":"000006d8c378af1779d2feebc7603a125d99eca0ccf1085959b307f64e5dd358",
        "pubkey":"a48380f4cfcc1ad5378294fcac36439770f9c878dd880ffa94bb74ea54a6f243",
        "created_at":1651794653,"kind":1,"tags":[["nonce","776797","20"]],
        "content":"It's just me mining my own business",
        "sig":"284622fc0a3f4f1303455d5175f7ba962a3300d136085b9566801bc2e0699de0c7e31e44c81fb40ad9049173742e904713c3594a1da0fc5d2382a25c11aba977"})");
    ASSERT_TRUE(event) << event.error().text;
    EXPECT_TRUE(verify_signature(**event));
}

TEST_F(ParseEventTest, RefusesAnIdThatIsNotTheHash) {
    auto json = std::string(test::make_event("a", {.created_at = 5, .content = "abc"})->json());
    json.replace(json.find("abc"), 3, "abd");
    expect_code(json, Errc::invalid_id);
}

TEST_F(ParseEventTest, TheVerbatimFormIsNoWayAroundTheIdCheck) {
    expect_code(EventText().set("content", R"("\u0001")").text(), Errc::invalid_id);
}

TEST_F(ParseEventTest, ServesCanonicalJsonWhateverTheSpellingOfTheInput) {
    const auto event =
        test::make_event("a", {7, 30023, {{"d", "x"}, {"-"}, {"e", "", "y"}}, "hi\n"});
    std::string spelled = std::string(event->json());
    spelled.replace(spelled.find(R"("hi\n")"), 6, R"("\u0068i\u000a"  )");
    spelled.replace(spelled.find("{"), 1, "\n { \"unknown\": {\"a\":[1.5,null]} , ");

    const auto parsed = reader.event(spelled);

    ASSERT_TRUE(parsed) << parsed.error().text;
    EXPECT_EQ((*parsed)->view().record(), event->view().record());
    EXPECT_EQ(event->json(),
              R"({"id":")" + base::to_hex(event->id()) + R"(","pubkey":")" +
                  base::to_hex(event->pubkey()) +
                  R"(","created_at":7,"kind":30023,"tags":[["d","x"],["-"],["e","","y"]],)" +
                  R"("content":"hi\n","sig":")" + base::to_hex(event->signature()) + "\"}");
}

TEST_F(ParseEventTest, NamesTheMissingField) {
    for (const auto* field : {"id", "pubkey", "created_at", "kind", "tags", "content", "sig"}) {
        expect_invalid(EventText().remove(field), field);
    }
}

TEST_F(ParseEventTest, RefusesARepeatedField) {
    for (const auto* field : {"id", "pubkey", "created_at", "kind", "tags", "content", "sig"}) {
        expect_invalid(EventText().repeat(field), field);
    }
}

TEST_F(ParseEventTest, RefusesFieldsOfAWrongType) {
    for (const auto* field : {"id", "pubkey", "created_at", "kind", "tags", "content", "sig"}) {
        for (const auto* raw : {"null", "true", "{}", "1.5"}) {
            expect_invalid(EventText().set(field, raw), field);
        }
    }
    expect_invalid(EventText().set("content", "[]"), "content");
    expect_invalid(EventText().set("content", "1"), "content");
}

TEST_F(ParseEventTest, RefusesHexThatIsNotLowercaseOrOfAWrongLength) {
    for (const auto* field : {"id", "pubkey", "sig"}) {
        const std::size_t digits = std::string_view(field) == "sig" ? 128 : 64;
        expect_invalid(EventText().set(field, EventText::quote(std::string(digits, 'A'))), field);
        expect_invalid(EventText().set(field, EventText::quote(std::string(digits, 'g'))), field);
        expect_invalid(EventText().set(field, EventText::quote(std::string(digits - 1, 'a'))),
                       field);
        expect_invalid(EventText().set(field, EventText::quote(std::string(digits + 1, 'a'))),
                       field);
        expect_invalid(EventText().set(field, "\"\""), field);
    }
}

TEST_F(ParseEventTest, RefusesNumbersOutsideTheFormat) {
    for (const auto* raw : {"65536", "-1", "1.5", "\"1\"", "1e3", "1.0", "18446744073709551615"}) {
        expect_invalid(EventText().set("kind", raw), "kind");
    }
    for (const auto* raw : {"-1", "1.5", "1e9", "\"1\"", "1700000000.0", "9223372036854775808"}) {
        expect_invalid(EventText().set("created_at", raw), "created_at");
    }
}

TEST_F(ParseEventTest, AcceptsTheEndsOfTheRanges) {
    for (const auto& draft :
         {EventDraft{0, 0, {}, ""},
          EventDraft{std::numeric_limits<std::int64_t>::max(), 65535, {}, ""}}) {
        const auto event = test::make_event("a", draft);
        const auto parsed = reader.event(event->json());
        ASSERT_TRUE(parsed) << parsed.error().text;
        EXPECT_EQ((*parsed)->created_at(), draft.created_at);
        EXPECT_EQ((*parsed)->kind(), draft.kind);
    }
}

TEST_F(ParseEventTest, RefusesTagsThatAreNotArraysOfStrings) {
    for (const auto* raw : {"[[]]", R"([["a",null]])", R"([["a",1]])", "{}", R"(["a"])", "[null]",
                            R"([["a"],[]])", R"([["a",["b"]]])", "\"a\""}) {
        expect_invalid(EventText().set("tags", raw), "tags");
    }
}

TEST_F(ParseEventTest, RefusesWhatIsNoObject) {
    for (const auto* text : {"[]", "1", "null", "\"a\"", "[{}]"}) {
        expect_code(text, Errc::invalid_event);
    }
}

TEST_F(ParseEventTest, KeepsUnicodeNonCharacters) {
    const auto event = test::make_event("a", {1, 1, {}, "\xEF\xB7\x91 \xF0\x9F\xBF\xBF"});
    EXPECT_TRUE(reader.event(event->json()));
}

TEST_F(ParseEventTest, KeepsNulCharacters) {
    const std::string text("a\0b", 3);
    const auto event = test::make_event("a", {1, 1, {{"t", text}}, text});
    const auto parsed = reader.event(event->json());
    ASSERT_TRUE(parsed) << parsed.error().text;
    EXPECT_EQ((*(*parsed)->view().tags().begin()).value, text);
    EXPECT_NE((*parsed)->json().find(R"("content":"a\u0000b")"), std::string_view::npos);
}

TEST_F(ParseEventTest, RefusesTextThatIsNotUnicode) {
    const std::vector<std::string> contents = {
        R"(\ud83d)",        R"(\ud83dx)", R"(\ude00)", R"(\ude00\ud83d)", R"(\ud83d\ud83d)",
        R"(\ud83d\u0041)",  "\xFF",       "\xC3",      "\xC0\xAF",        "\xED\xA0\x80",
        "\xF4\x90\x80\x80", "\xE2\x82"};
    for (const auto& content : contents) {
        expect_code(EventText().set("content", EventText::quote(content)).text(),
                    Errc::malformed_json);
        expect_code(EventText().set("tags", "[[\"t\",\"" + content + "\"]]").text(),
                    Errc::malformed_json);
    }
}

TEST_F(ParseEventTest, RefusesRawControlCharacters) {
    expect_code(EventText().set("content", "\"\x01\"").text(), Errc::malformed_json);
    expect_code(EventText().set("content", "\"\n\"").text(), Errc::malformed_json);
}

TEST_F(ParseEventTest, CountsWhatLimitsLookAt) {
    const auto event = test::make_event(
        "a", {1,
              1,
              {{"t", "four"}, {"title", "longer than that"}, {"e"}, {"p", ""}},
              "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 and more than eight bytes \xC3\xA9"});
    EXPECT_EQ(event->shape().tag_count, 4U);
    EXPECT_EQ(event->shape().longest_indexed_value_bytes, 4U);
    EXPECT_EQ(event->shape().content_characters, 32U);
}

TEST_F(ParseEventTest, EveryGeneratedEventComesBackTheSame) {
    test::EventGenerator generator(1);
    for (int i = 0; i < 500; ++i) {
        const auto event = generator.event();
        const auto parsed = reader.event(event->json());
        ASSERT_TRUE(parsed) << parsed.error().text << "\n" << event->json();
        ASSERT_EQ((*parsed)->view().record(), event->view().record());
        ASSERT_EQ((*parsed)->signature(), event->signature());
        ASSERT_EQ((*parsed)->shape().tag_count, event->shape().tag_count);
    }
}

// Any byte of a valid event changed: refused, or (in a signature, or in another spelling of the
// same event) harmless. Never a crash, never another event under the same id.
TEST_F(ParseEventTest, AChangedByteNeverGivesAnotherEventOfThatId) {
    test::EventGenerator generator(2);
    for (int i = 0; i < 40; ++i) {
        const auto event = generator.event();
        for (std::size_t at = 0; at < event->json().size(); ++at) {
            auto json = std::string(event->json());
            json[at] = static_cast<char>(generator.below(256));
            const auto parsed = reader.event(json);
            if (!parsed) continue;
            ASSERT_EQ((*parsed)->id(), event->id());
            ASSERT_EQ((*parsed)->json().substr(0, (*parsed)->json().find(R"(,"sig":)")),
                      event->json().substr(0, event->json().find(R"(,"sig":)")));
        }
    }
}

TEST_F(ParseEventTest, ATruncatedEventIsMalformed) {
    const auto event = test::EventGenerator(3).event();
    for (std::size_t size = 0; size < event->json().size(); ++size) {
        expect_code(event->json().substr(0, size), Errc::malformed_json);
    }
}

class JsonReaderTest : public testing::Test {
  protected:
    JsonReader reader;
};

TEST_F(JsonReaderTest, BoundsTheDepth) {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    EXPECT_TRUE(reader.document(nested(63)));
    for (const std::size_t depth : {65U, 1000U, 1U << 20}) {
        const auto result = reader.document(nested(depth));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, Errc::malformed_json);
        EXPECT_EQ(result.error().text, "JSON is nested deeper than 64 levels");
    }
    EXPECT_FALSE(reader.document(std::string(1U << 20, '[')));
}

TEST_F(JsonReaderTest, RefusesADocumentOfMoreThan16MiB) {
    const auto result = reader.document(std::string((16U << 20) + 1, ' '));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::too_large);
}

TEST_F(JsonReaderTest, ReadsOnAfterLargeAndBrokenDocuments) {
    for (int round = 0; round < 3; ++round) {
        EXPECT_TRUE(reader.document('"' + std::string(3U << 20, 'x') + '"'));
        EXPECT_FALSE(reader.document("{"));
        EXPECT_FALSE(reader.document(""));
        EXPECT_FALSE(reader.document("  "));
        EXPECT_FALSE(reader.document("[] []"));
        EXPECT_TRUE(reader.document("[1]"));
    }
}

TEST_F(JsonReaderTest, ClaimedIdIsThatOfABrokenEvent) {
    const std::string id(64, 'a');
    const auto claimed = [&](std::string_view json) { return claimed_id(*reader.document(json)); };
    EXPECT_EQ(claimed(R"({"id":")" + id + R"("})"), base::parse_hex<Id>(id));
    EXPECT_EQ(claimed(R"({"id":"A"})"), std::nullopt);
    EXPECT_EQ(claimed(R"({"id":7})"), std::nullopt);
    EXPECT_EQ(claimed(R"({"kind":7})"), std::nullopt);
    EXPECT_EQ(claimed("[]"), std::nullopt);
}

}  // namespace
}  // namespace parrhesia::event
