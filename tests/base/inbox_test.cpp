#include "parrhesia/base/inbox.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace parrhesia::base {
namespace {

TEST(BoundedInbox, TakesAllThatWaitsInOrder) {
    BoundedInbox<int> inbox(100);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(inbox.push(int{i}, 1));
    std::vector<int> out{99};
    ASSERT_TRUE(inbox.take(out));
    EXPECT_EQ(out, (std::vector<int>{0, 1, 2}));
    EXPECT_EQ(inbox.weight(), 0U);
}

TEST(BoundedInbox, RefusesAboveItsBoundAndLeavesTheItemAlone) {
    BoundedInbox<std::string> inbox(10);
    EXPECT_TRUE(inbox.push("first", 10));
    std::string second = "second";
    EXPECT_FALSE(inbox.push(std::move(second), 1));
    EXPECT_EQ(second, "second");  // NOLINT(bugprone-use-after-move): the contract under test
}

TEST(BoundedInbox, OneItemHeavierThanTheBoundMayPassAlone) {
    BoundedInbox<int> inbox(10);
    EXPECT_TRUE(inbox.push(1, 50));
    EXPECT_FALSE(inbox.push(2, 1));
}

TEST(BoundedInbox, ClosedMeansNoMoreInAndTheRestOut) {
    BoundedInbox<int> inbox(10);
    EXPECT_TRUE(inbox.push(1, 1));
    inbox.close();
    EXPECT_FALSE(inbox.push(2, 1));
    std::vector<int> out;
    EXPECT_TRUE(inbox.take(out));
    EXPECT_FALSE(inbox.take(out));
}

TEST(BoundedInbox, TakeMoreAppendsWithoutWaiting) {
    BoundedInbox<int> inbox(10);
    std::vector<int> out{1};
    EXPECT_FALSE(inbox.take_more(out));
    EXPECT_TRUE(inbox.push(2, 10));
    EXPECT_TRUE(inbox.take_more(out));
    EXPECT_EQ(out, (std::vector<int>{1, 2}));
    EXPECT_TRUE(inbox.push(3, 10));  // what was taken weighs nothing any more
}

TEST(BoundedInbox, TakeWaitsForAPush) {
    BoundedInbox<int> inbox(10);
    std::vector<int> out;
    std::thread owner([&] { EXPECT_TRUE(inbox.take(out)); });
    EXPECT_TRUE(inbox.push(7, 1));
    owner.join();
    EXPECT_EQ(out, std::vector<int>{7});
}

}  // namespace
}  // namespace parrhesia::base
