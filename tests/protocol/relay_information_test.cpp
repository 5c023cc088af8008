#include "parrhesia/protocol/relay_information.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>

namespace parrhesia::protocol {
namespace {

class RelayInformationTest : public testing::Test {
  protected:
    [[nodiscard]] simdjson::dom::object parsed(const RelayInformation& information) {
        text = to_json(information);
        return parser.parse(text).get_object().value();
    }
    std::string text;
    simdjson::dom::parser parser;
};

TEST_F(RelayInformationTest, WritesEveryField) {
    RelayInformation information;
    information.name = "a \"relay\"\n";
    information.description = "d";
    information.banner = "https://example.com/b";
    information.icon = "https://example.com/i";
    information.pubkey = std::string(64, 'a');
    information.contact = "mailto:a@example.com";
    information.terms_of_service = "https://example.com/t";
    information.software = "https://example.com/s";
    information.version = "1";
    information.supported_nips = {1, 2, 11};
    information.max_message_length = 1;
    information.max_subscriptions = 2;
    information.max_limit = 3;
    information.default_limit = 4;
    information.max_subid_length = 5;
    information.max_event_tags = 6;
    information.max_content_length = 7;
    information.created_at_lower_limit = 8;
    information.created_at_upper_limit = 9;
    information.self = std::string(64, 'b');
    information.min_pow_difficulty = 10;
    information.auth_required = true;
    information.restricted_writes = true;

    const auto document = parsed(information);

    EXPECT_EQ(document["name"].get_string().value(), information.name);
    EXPECT_EQ(document["description"].get_string().value(), "d");
    EXPECT_EQ(document["banner"].get_string().value(), information.banner);
    EXPECT_EQ(document["icon"].get_string().value(), information.icon);
    EXPECT_EQ(document["pubkey"].get_string().value(), information.pubkey);
    EXPECT_EQ(document["self"].get_string().value(), information.self);
    EXPECT_EQ(document["contact"].get_string().value(), information.contact);
    EXPECT_EQ(document["terms_of_service"].get_string().value(), information.terms_of_service);
    EXPECT_EQ(document["software"].get_string().value(), information.software);
    EXPECT_EQ(document["version"].get_string().value(), "1");
    EXPECT_EQ(simdjson::minify(document["supported_nips"].value()), "[1,2,11]");
    EXPECT_EQ(simdjson::minify(document["limitation"].value()),
              R"({"max_message_length":1,"max_subscriptions":2,"max_limit":3,"default_limit":4,)"
              R"("max_subid_length":5,"max_event_tags":6,"max_content_length":7,)"
              R"("created_at_lower_limit":8,"created_at_upper_limit":9,"min_pow_difficulty":10,)"
              R"("auth_required":true,"payment_required":false,"restricted_writes":true})");
}

TEST_F(RelayInformationTest, LeavesOutWhatIsNotSet) {
    const auto document = parsed(RelayInformation{});
    EXPECT_EQ(document.size(), 2U) << text;
    EXPECT_EQ(document["limitation"]["created_at_lower_limit"].error(), simdjson::NO_SUCH_FIELD);
    EXPECT_EQ(document["self"].error(), simdjson::NO_SUCH_FIELD);
}

}  // namespace
}  // namespace parrhesia::protocol
