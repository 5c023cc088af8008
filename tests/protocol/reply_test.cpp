#include "parrhesia/protocol/reply.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::protocol {
namespace {

using base::Errc;

constexpr int kLastErrc = static_cast<int>(Errc::shutting_down);

std::string_view prefix(Errc errc) { return prefix_of(make_error_code(errc)); }

// The elements of the JSON array `text`, each as text.
std::vector<std::string> elements(const std::string& text) {
    simdjson::dom::parser parser;
    std::vector<std::string> result;
    const simdjson::dom::array array = parser.parse(text).get_array().value();
    for (const auto element : array) {
        result.push_back(element.is_string() ? std::string(element.get_string().value())
                                             : simdjson::minify(element));
    }
    return result;
}

TEST(ReplyTest, EveryErrorHasAStandardPrefixAndALabelOfItsOwn) {
    const std::set<std::string_view> known = {
        "duplicate: ",  "pow: ",   "blocked: ",     "rate-limited: ", "invalid: ",
        "restricted: ", "error: ", "unsupported: ", "mute: ",         "auth-required: "};
    std::set<std::string_view> labels;
    for (int value = 1; value <= kLastErrc; ++value) {
        const auto code = make_error_code(static_cast<Errc>(value));
        EXPECT_TRUE(known.contains(prefix_of(code))) << value;
        EXPECT_TRUE(labels.insert(reason_label(code)).second) << reason_label(code);
    }
}

TEST(ReplyTest, SaysWhatTheClientCanDoAboutIt) {
    EXPECT_EQ(prefix(Errc::invalid_signature), "invalid: ");
    EXPECT_EQ(prefix(Errc::created_at_out_of_range), "invalid: ");
    EXPECT_EQ(prefix(Errc::too_many), "invalid: ");
    EXPECT_EQ(prefix(Errc::unsupported_filter), "unsupported: ");
    EXPECT_EQ(prefix(Errc::duplicate), "duplicate: ");
    EXPECT_EQ(prefix(Errc::superseded), "duplicate: ");
    EXPECT_EQ(prefix(Errc::blocked), "blocked: ");
    EXPECT_EQ(prefix(Errc::rate_limited), "rate-limited: ");
    EXPECT_EQ(prefix(Errc::overloaded), "error: ");
    EXPECT_EQ(prefix(Errc::store_not_writable), "error: ");
}

TEST(ReplyTest, ForeignErrorsAreErrors) {
    const auto code = make_error_code(boost::system::errc::no_space_on_device);
    EXPECT_EQ(prefix_of(code), "error: ");
    EXPECT_EQ(reason_label(code), "error");
    EXPECT_TRUE(to_client(code).starts_with("error: "));
}

TEST(ReplyTest, JoinsPrefixAndText) {
    EXPECT_EQ(to_client(base::Refusal{Errc::too_large, "event has 9 bytes"}),
              "invalid: event has 9 bytes");
    EXPECT_EQ(to_client(make_error_code(Errc::superseded)), "duplicate: a newer version exists");
}

TEST(ReplyTest, WritesEachMessageAsOneArray) {
    const auto id = event::Id::from_raw(std::string(32, '\x0A'));
    const std::string awkward = "a \"quoted\" \\ line\n\x01 \xC3\xA9";
    const auto escaped = escape_subscription_id(awkward);
    const std::string hex = base::to_hex(id);

    std::string out;
    append_ok(out, id, true, "");
    EXPECT_EQ(out, "[\"OK\",\"" + hex + "\",true,\"\"]");
    out.clear();
    append_ok(out, id, false, awkward);
    EXPECT_EQ(elements(out), (std::vector<std::string>{"OK", hex, "false", awkward}));
    out.clear();
    append_eose(out, escaped);
    EXPECT_EQ(elements(out), (std::vector<std::string>{"EOSE", awkward}));
    out.clear();
    append_closed(out, escaped, awkward);
    EXPECT_EQ(elements(out), (std::vector<std::string>{"CLOSED", awkward, awkward}));
    out.clear();
    append_notice(out, awkward);
    EXPECT_EQ(elements(out), (std::vector<std::string>{"NOTICE", awkward}));
    out.clear();
    append_event_head(out, escaped);
    out += "{\"id\":1}";
    out += kEventTail;
    EXPECT_EQ(elements(out), (std::vector<std::string>{"EVENT", awkward, "{\"id\":1}"}));
}

TEST(ReplyTest, WritesChallengesHintsAndCounts) {
    std::string out;
    append_auth(out, "a \"challenge\"");
    EXPECT_EQ(elements(out), (std::vector<std::string>{"AUTH", "a \"challenge\""}));
    out.clear();
    append_eose(out, "s", "finish");
    EXPECT_EQ(out, R"(["EOSE","s",["finish"]])");
    out.clear();
    append_count(out, "q", {});
    EXPECT_EQ(out, R"(["COUNT","q",{"count":0}])");
    out.clear();
    append_count(out, "q", {18446744073709551615U, true, "00ff"});
    EXPECT_EQ(out,
              R"(["COUNT","q",{"count":18446744073709551615,"approximate":true,"hll":"00ff"}])");
}

TEST(ReplyTest, AppendsBehindWhatIsThere) {
    std::string out = "x";
    append_eose(out, "s");
    append_notice(out, "n");
    EXPECT_EQ(out, R"(x["EOSE","s"]["NOTICE","n"])");
}

}  // namespace
}  // namespace parrhesia::protocol
