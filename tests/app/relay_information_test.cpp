#include "app/relay_information.hpp"

#include "parrhesia/event/verify.hpp"

#include <gtest/gtest.h>

namespace parrhesia::app {
namespace {

TEST(ConfiguredInformationTest, TellsTheConfiguredWordsAndTheEnforcedNumbers) {
    Config config;
    config.info.name = "n";
    config.info.description = "d";
    config.info.pubkey = std::string(64, 'a');
    config.info.contact = "c";
    config.info.icon = "i";
    config.info.banner = "b";
    config.info.terms_of_service = "t";
    config.limits.message_bytes = 70000;
    config.limits.event_tags = 11;
    config.limits.content_characters = 12;
    config.limits.subscriptions = 13;
    config.limits.subscription_id_characters = 14;
    config.limits.max_limit = 15;
    config.limits.default_limit = 16;
    config.limits.created_at_past_seconds = 17;
    config.limits.created_at_future_seconds = 18;

    const protocol::RelayInformation information = relay_information_of(config);

    EXPECT_EQ(information.name, "n");
    EXPECT_EQ(information.description, "d");
    EXPECT_EQ(information.pubkey, std::string(64, 'a'));
    EXPECT_EQ(information.contact, "c");
    EXPECT_EQ(information.icon, "i");
    EXPECT_EQ(information.banner, "b");
    EXPECT_EQ(information.terms_of_service, "t");
    EXPECT_FALSE(information.version.empty());
    EXPECT_FALSE(information.supported_nips.empty());
    EXPECT_EQ(information.max_message_length, 70000U);
    EXPECT_EQ(information.max_event_tags, 11U);
    EXPECT_EQ(information.max_content_length, 12U);
    EXPECT_EQ(information.max_subscriptions, 13U);
    EXPECT_EQ(information.max_subid_length, 14U);
    EXPECT_EQ(information.max_limit, 15U);
    EXPECT_EQ(information.default_limit, 16U);
    EXPECT_EQ(information.created_at_lower_limit, 17);
    EXPECT_EQ(information.created_at_upper_limit, 18);
}

TEST(ConfiguredInformationTest, TellsTheRelaysOwnKey) {
    const Config config;
    EXPECT_EQ(relay_information_of(config).self, "");
    const event::PubKey pubkey = event::Keypair::from_seed("relay").pubkey();
    EXPECT_EQ(relay_information_of(config, pubkey).self, base::to_hex(pubkey));
}

TEST(ConfiguredInformationTest, ContentIsNeverSaidToBeLongerThanAnEvent) {
    Config config;
    config.limits.event_bytes = 1000;
    config.limits.content_characters = 5000;

    EXPECT_EQ(relay_information_of(config).max_content_length, 1000U);
}

}  // namespace
}  // namespace parrhesia::app
