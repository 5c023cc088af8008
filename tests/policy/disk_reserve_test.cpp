#include "parrhesia/policy/disk_reserve.hpp"

#include <gtest/gtest.h>

namespace parrhesia::policy {
namespace {

TEST(DiskReserveTest, RefusesWhileLessThanTheReserveIsFree) {
    DiskReserve disk(1000);
    disk.set_free_bytes(1000);
    EXPECT_FALSE(disk.is_short());
    EXPECT_EQ(disk.check(1), std::nullopt);
    disk.set_free_bytes(999);
    EXPECT_TRUE(disk.is_short());
    const auto refused = disk.check(1);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code, base::Errc::store_not_writable);
    EXPECT_EQ(refused->text,
              "the relay's disk is nearly full: 999 bytes are free, 1000 are reserved; try again "
              "later");
    disk.set_free_bytes(5000);
    EXPECT_EQ(disk.check(1), std::nullopt);
}

TEST(DiskReserveTest, DeletionsMayUseMostOfTheReserve) {
    DiskReserve disk(1000);
    disk.set_free_bytes(250);
    EXPECT_EQ(disk.check(event::kDeletion), std::nullopt);
    EXPECT_EQ(disk.check(event::kVanish), std::nullopt);
    disk.set_free_bytes(249);
    EXPECT_TRUE(disk.check(event::kDeletion));
    EXPECT_TRUE(disk.check(event::kVanish));
}

TEST(DiskReserveTest, WhatIsNotStoredIsNotRefused) {
    DiskReserve disk(1000);
    disk.set_free_bytes(0);
    EXPECT_EQ(disk.check(20001), std::nullopt);
}

TEST(DiskReserveTest, RefusesNothingWithoutAReserveOrAMeasurement) {
    DiskReserve none(0);
    none.set_free_bytes(0);
    EXPECT_EQ(none.check(1), std::nullopt);
    const DiskReserve unmeasured(1000);
    EXPECT_EQ(unmeasured.check(1), std::nullopt);
}

}  // namespace
}  // namespace parrhesia::policy
