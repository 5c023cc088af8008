// Id and signature are both checked. Eleven examples in the text of the NIPs (27, 47, 51, 53, 57,
// 69, 70, 88, 98, 5A, B7) have a signature that is valid for an id that is not the event's: these
// are events of that make, and of the make of those in 26, 88 and 5A, where neither holds.
#include "parrhesia/event/parse.hpp"
#include "parrhesia/event/verify.hpp"

#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parrhesia::event {
namespace {

constexpr std::string_view kOther =
    "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";

EventPtr original() {
    return test::make_event(
        "author", {.created_at = 1'700'000'000, .kind = 1, .tags = {{"t", "x"}}, .content = "abc"});
}

std::string replaced(std::string_view json, std::string_view what, std::string_view by) {
    std::string result(json);
    const auto at = result.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return result.replace(at, what.size(), by);
}

// One changed field each; id and signature are still those of the original.
std::vector<std::string> changed_events(const Event& event) {
    const std::string_view json = event.json();
    return {
        replaced(json, "\"content\":\"abc\"", "\"content\":\"abd\""),
        replaced(json, "\"content\":\"abc\"", "\"content\":\"abc \""),
        replaced(json, "[\"t\",\"x\"]", "[\"t\",\"y\"]"),
        replaced(json, "[\"t\",\"x\"]", "[\"t\",\"x\",\"\"]"),
        replaced(json, "[\"t\",\"x\"]", "[\"t\",\"x\"],[\"t\",\"x\"]"),
        replaced(json, "[[\"t\",\"x\"]]", "[]"),
        replaced(json, "\"kind\":1", "\"kind\":2"),
        replaced(json, "1700000000", "1700000001"),
        replaced(json, base::to_hex(event.pubkey()), kOther),
    };
}

TEST(IdAndSignatureTest, SignatureThatIsValidForTheClaimedIdDoesNotSaveAWrongId) {
    const EventPtr event = original();
    ASSERT_TRUE(verify_signature(*event));
    JsonReader reader;
    ASSERT_TRUE(reader.event(event->json()));
    for (const std::string& json : changed_events(*event)) {
        const auto result = reader.event(json);
        ASSERT_FALSE(result) << json;
        EXPECT_EQ(result.error().code, base::Errc::invalid_id) << json;
    }
}

TEST(IdAndSignatureTest, RightIdDoesNotSaveAWrongSignature) {
    const EventPtr event = original();
    const EventPtr other = test::make_event("author", {.created_at = 1, .content = "other"});
    JsonReader reader;
    for (const Signature& signature : {other->signature(), Signature{}}) {
        const auto result = reader.event(
            replaced(event->json(), base::to_hex(event->signature()), base::to_hex(signature)));
        ASSERT_TRUE(result) << result.error().text;
        EXPECT_FALSE(verify_signature(**result));
    }
}

TEST(IdAndSignatureTest, EventWithBothWrongIsRefusedForItsId) {
    const EventPtr event = original();
    JsonReader reader;
    const auto result =
        reader.event(replaced(replaced(event->json(), base::to_hex(event->id()), kOther),
                              base::to_hex(event->signature()), base::to_hex(Signature{})));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, base::Errc::invalid_id);
}

}  // namespace
}  // namespace parrhesia::event
