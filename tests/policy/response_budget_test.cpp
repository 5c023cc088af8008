#include "parrhesia/policy/response_budget.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace parrhesia::policy {
namespace {

constexpr std::size_t kPage = 256 * 1024;

TEST(ResponseBudgetTest, StartsAsManyQueriesAsAreAllowed) {
    const ResponseBudget budget(100 * kPage, kPage, 8);
    EXPECT_TRUE(budget.may_start({0, 0}));
    EXPECT_TRUE(budget.may_start({0, 7}));
    EXPECT_FALSE(budget.may_start({0, 8}));
}

TEST(ResponseBudgetTest, WhatIsUnsentAndWhatMayComeFitTheAllowance) {
    const ResponseBudget budget(4 * kPage, kPage, 8);
    EXPECT_TRUE(budget.may_start({0, 3}));
    EXPECT_FALSE(budget.may_start({1, 3}));
    EXPECT_TRUE(budget.may_start({3 * kPage, 0}));
    EXPECT_FALSE(budget.may_start({3 * kPage + 1, 0}));
}

TEST(ResponseBudgetTest, AConnectionThatOwesLittleAlwaysStartsOne) {
    for (const std::size_t allowance : {std::size_t{0}, kPage, 16 * kPage}) {
        const ResponseBudget budget(allowance, kPage, 0);
        EXPECT_TRUE(budget.may_start({0, 0})) << allowance;
        EXPECT_TRUE(budget.may_start({kPage, 0})) << allowance;
    }
}

TEST(ResponseBudgetTest, HugeNumbersDoNotWrapAround) {
    const ResponseBudget budget(4 * kPage, kPage, 8);
    EXPECT_FALSE(budget.may_start({std::numeric_limits<std::size_t>::max(), 0}));
    EXPECT_FALSE(budget.may_start({std::numeric_limits<std::size_t>::max() - kPage, 7}));
}

}  // namespace
}  // namespace parrhesia::policy
