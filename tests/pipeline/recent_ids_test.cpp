#include "pipeline/recent_ids.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace parrhesia::pipeline {
namespace {

base::Id id_of(std::uint64_t number) {
    base::Id id;
    std::memcpy(id.data(), &number, sizeof number);
    return id;
}

TEST(RecentIds, KnowsWhatWasThereLately) {
    RecentIds recent;
    EXPECT_TRUE(recent.insert(id_of(1)));
    EXPECT_FALSE(recent.insert(id_of(1)));
    EXPECT_TRUE(recent.insert(id_of(2)));
    EXPECT_FALSE(recent.insert(id_of(1)));
}

TEST(RecentIds, RemembersAWholeGenerationWhateverComes) {
    RecentIds recent;
    constexpr std::uint64_t kMany = 10 * RecentIds::kGeneration;
    for (std::uint64_t i = 1; i <= kMany; ++i) {
        ASSERT_TRUE(recent.insert(id_of(i)));
        // What came a generation ago, and the newest.
        if (i > RecentIds::kGeneration) {
            ASSERT_FALSE(recent.insert(id_of(i - RecentIds::kGeneration + 1)));
        }
        ASSERT_FALSE(recent.insert(id_of(i)));
    }
}

TEST(RecentIds, ForgetsWhatIsOld) {
    RecentIds recent;
    for (std::uint64_t i = 0; i <= 2 * RecentIds::kGeneration; ++i) {
        ASSERT_TRUE(recent.insert(id_of(i)));
    }
    EXPECT_TRUE(recent.insert(id_of(0))) << "its memory is bounded";
}

}  // namespace
}  // namespace parrhesia::pipeline
