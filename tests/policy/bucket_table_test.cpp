#include "policy/bucket_table.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

namespace parrhesia::policy {
namespace {

using base::SteadyTime;
using base::TokenRate;
using std::chrono::seconds;

constexpr auto kTaken = base::TokenBucket::Wait::zero();
const SteadyTime kStart{seconds(1'700'000'000)};
const TokenRate kRate(1, 2);

TEST(BucketTableTest, EachKeyHasItsOwnBucket) {
    BucketTable table(64);
    EXPECT_EQ(table.take(5, kRate, kStart), kTaken);
    EXPECT_EQ(table.take(5, kRate, kStart), kTaken);
    EXPECT_EQ(table.take(5, kRate, kStart), seconds(1));
    EXPECT_EQ(table.take(6, kRate, kStart), kTaken);
    EXPECT_EQ(table.take(0, kRate, kStart), kTaken);
}

TEST(BucketTableTest, GivesBack) {
    BucketTable table(64);
    EXPECT_EQ(table.take(7, kRate, kStart), kTaken);
    EXPECT_EQ(table.take(7, kRate, kStart), kTaken);
    table.give_back(7, kRate);
    EXPECT_EQ(table.take(7, kRate, kStart), kTaken);
    EXPECT_NE(table.take(7, kRate, kStart), kTaken);
    table.give_back(12345, kRate);  // not there: no effect
}

TEST(BucketTableTest, NeverRefusesAKeyBecauseItIsFull) {
    BucketTable table(16);
    EXPECT_EQ(table.capacity(), 16U);
    for (std::uint64_t key = 1; key < 10'000; ++key) {
        ASSERT_EQ(table.take(key, kRate, kStart), kTaken) << key;
    }
}

TEST(BucketTableTest, AKeyThatIsLimitedStaysSoInAFloodOfOthers) {
    BucketTable table(4);  // all keys meet in one set
    EXPECT_EQ(table.take(1, kRate, kStart), kTaken);
    EXPECT_EQ(table.take(1, kRate, kStart), kTaken);
    for (std::uint64_t key = 2; key < 1000; ++key) {
        ASSERT_EQ(table.take(key, kRate, kStart), kTaken);
    }
    EXPECT_NE(table.take(1, kRate, kStart), kTaken);
}

}  // namespace
}  // namespace parrhesia::policy
