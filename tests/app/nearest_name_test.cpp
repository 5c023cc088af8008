#include "app/nearest_name.hpp"

#include <gtest/gtest.h>

namespace parrhesia::app {
namespace {

TEST(NearestNameTest, DistanceCountsEveryKindOfEdit) {
    EXPECT_EQ(edit_distance("", ""), 0U);
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("port", "port"), 0U);
    EXPECT_EQ(edit_distance("prt", "port"), 1U);
    EXPECT_EQ(edit_distance("porrt", "port"), 1U);
    EXPECT_EQ(edit_distance("part", "port"), 1U);
    EXPECT_EQ(edit_distance("prot", "port"), 1U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(NearestNameTest, FindsTheNearest) {
    EXPECT_EQ(nearest_name("realy", {"info", "relay", "store"}), "relay");
    EXPECT_EQ(nearest_config_key("relay.prot"), "relay.port");
    EXPECT_EQ(nearest_config_key("limits.max_message_bytes"), "limits.message_bytes");
    EXPECT_EQ(nearest_config_key("shutdown_second"), "relay.shutdown_seconds");
}

}  // namespace
}  // namespace parrhesia::app
