#include "parrhesia/base/position.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace parrhesia::base {
namespace {

TEST(MarkTest, CoversAllUpToItsLastPosition) {
    const Mark mark(7);

    EXPECT_TRUE(mark.covers({1}));
    EXPECT_TRUE(mark.covers({7}));
    EXPECT_FALSE(mark.covers({8}));
    EXPECT_EQ(mark.seq(), 7U);
}

TEST(MarkTest, NeverCoversWhatWasNeverStored) {
    EXPECT_FALSE(Mark(7).covers({}));
    EXPECT_FALSE(Mark().covers({}));
    EXPECT_FALSE(Mark().covers({1}));
}

TEST(MarkTest, DoesNotCoverTheTransactionsThatWereOpen) {
    const Mark mark(9, std::make_shared<const Mark::Seqs>(Mark::Seqs{3, 5, 9}));

    for (const std::uint64_t covered : {1U, 2U, 4U, 6U, 7U, 8U})
        EXPECT_TRUE(mark.covers({covered}));
    for (const std::uint64_t open : {3U, 5U, 9U, 10U}) EXPECT_FALSE(mark.covers({open}));
}

}  // namespace
}  // namespace parrhesia::base
