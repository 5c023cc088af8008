#include "parrhesia/base/bytes.hpp"

#include <gtest/gtest.h>

namespace parrhesia::base {
namespace {

using Four = FixedBytes<struct FourKind, 4>;

TEST(Hex, RoundTripsEveryByte) {
    for (unsigned value = 0; value < 256; ++value) {
        const Four bytes{{static_cast<std::uint8_t>(value), 0, 0xff, 0x5a}};
        const auto back = parse_hex<Four>(to_hex(bytes));
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, bytes);
    }
}

TEST(Hex, KnowsLowercaseAndFullLengthOnly) {
    EXPECT_TRUE(parse_hex<Four>("00ff5a1b"));
    for (const char* wrong : {"", "00ff5a1", "00ff5a1b0", "00FF5a1b", "00fg5a1b", "0 ff5a1b"}) {
        EXPECT_FALSE(parse_hex<Four>(wrong)) << wrong;
    }
}

TEST(FixedBytes, OrderIsThatOfTheBytes) {
    EXPECT_LT((Four{{0, 1, 2, 3}}), (Four{{0, 1, 2, 4}}));
    EXPECT_LT((Four{{0, 0xff, 0xff, 0xff}}), (Four{{1, 0, 0, 0}}));
}

}  // namespace
}  // namespace parrhesia::base
