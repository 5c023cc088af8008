#include "parrhesia/base/address_table.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <vector>

namespace parrhesia::base {
namespace {

using std::chrono::seconds;

const SteadyTime kStart{seconds(1'700'000'000)};

struct Value {
    TokenBucket bucket;
    [[nodiscard]] std::int64_t full_at() const noexcept { return bucket.full_at(); }
};

IpAddress address(unsigned number) {
    return *parse_ip("10.0." + std::to_string(number / 256) + "." + std::to_string(number % 256));
}

const TokenRate kRate(1, 100);

class AddressTableTest : public testing::Test {
  protected:
    // Uses up `tokens` of the address, and lets go of it.
    void spend(unsigned number, std::uint64_t tokens, SteadyTime now = kStart) {
        ASSERT_EQ(table.get(address(number), now)->bucket.take(kRate, now, tokens),
                  TokenBucket::Wait::zero());
    }
    [[nodiscard]] bool is_remembered(unsigned number, SteadyTime now = kStart) {
        return table.get(address(number), now)->full_at() != 0;
    }
    AddressTable<Value> table{4};
};

TEST_F(AddressTableTest, OneAddressHasOneValue) {
    const auto first = table.get(address(1), kStart);
    EXPECT_EQ(table.get(address(1), kStart), first);
    EXPECT_NE(table.get(address(2), kStart), first);
}

TEST_F(AddressTableTest, RemembersWhatAConnectionThatLeftHasUsedUp) {
    spend(1, 50);
    EXPECT_TRUE(is_remembered(1));
}

TEST_F(AddressTableTest, ForgetsWhatIsAsGoodAsNew) {
    spend(1, 10);
    spend(2, 10);
    EXPECT_EQ(table.size(), 2U);
    const auto later = kStart + seconds(11);
    static_cast<void>(table.get(address(3), later));
    EXPECT_EQ(table.size(), 1U);
}

TEST_F(AddressTableTest, NeverHoldsMoreThanItsCapacity) {
    std::vector<std::shared_ptr<Value>> held;
    for (unsigned i = 0; i < 1000; ++i) {
        held.push_back(table.get(address(i), kStart));
        ASSERT_NE(held.back(), nullptr);
        ASSERT_LE(table.size(), 4U);
    }
}

TEST_F(AddressTableTest, AFullTableForgetsTheFullestBucketFirst) {
    spend(1, 90);
    spend(2, 1);
    spend(3, 90);
    spend(4, 90);
    spend(5, 90);
    EXPECT_TRUE(is_remembered(1));
    EXPECT_TRUE(is_remembered(3));
    EXPECT_TRUE(is_remembered(5));
    EXPECT_FALSE(is_remembered(2));
}

TEST_F(AddressTableTest, AFullTableKeepsWhatIsInUse) {
    const auto held = table.get(address(1), kStart);
    for (unsigned i = 2; i < 5; ++i) spend(i, 50);
    for (unsigned i = 5; i < 50; ++i) spend(i, 50);
    EXPECT_EQ(table.get(address(1), kStart), held);
}

}  // namespace
}  // namespace parrhesia::base
