#include "parrhesia/base/token_bucket.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace parrhesia::base {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr auto kTaken = TokenBucket::Wait::zero();
const SteadyTime kStart{seconds(1'700'000'000)};

TEST(TokenBucketTest, GivesItsBurstAtOnceAndThenItsRate) {
    const TokenRate rate(10, 3);
    TokenBucket bucket;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(rate, kStart), kTaken);
    EXPECT_EQ(bucket.take(rate, kStart), milliseconds(100));
    EXPECT_EQ(bucket.take(rate, kStart + milliseconds(99)), milliseconds(1));
    EXPECT_EQ(bucket.take(rate, kStart + milliseconds(100)), kTaken);
    EXPECT_EQ(bucket.take(rate, kStart + milliseconds(100)), milliseconds(100));
}

TEST(TokenBucketTest, WhatIsRefusedUsesNothingUp) {
    const TokenRate rate(1, 1);
    TokenBucket bucket;
    EXPECT_EQ(bucket.take(rate, kStart), kTaken);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(bucket.take(rate, kStart), seconds(1));
    EXPECT_EQ(bucket.take(rate, kStart + seconds(1)), kTaken);
}

TEST(TokenBucketTest, NeverHoldsMoreThanItsBurst) {
    const TokenRate rate(100, 5);
    TokenBucket bucket;
    EXPECT_EQ(bucket.take(rate, kStart), kTaken);
    const SteadyTime later = kStart + std::chrono::hours(24);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(bucket.take(rate, later), kTaken);
    EXPECT_NE(bucket.take(rate, later), kTaken);
}

TEST(TokenBucketTest, TakesAllTokensOrNone) {
    const TokenRate rate(10, 10);
    TokenBucket bucket;
    EXPECT_EQ(bucket.take(rate, kStart, 6), kTaken);
    EXPECT_EQ(bucket.take(rate, kStart, 6), milliseconds(200));
    EXPECT_EQ(bucket.take(rate, kStart, 4), kTaken);
}

TEST(TokenBucketTest, AChargeIsPaidForByWaiting) {
    const TokenRate rate(1000, 1000);
    TokenBucket bucket;
    EXPECT_EQ(bucket.charge(rate, kStart, 1000), kTaken);
    EXPECT_EQ(bucket.charge(rate, kStart, 500), milliseconds(500));
    EXPECT_EQ(bucket.charge(rate, kStart + milliseconds(500), 0), kTaken);
}

TEST(TokenBucketTest, DebtsHaveAnEnd) {
    const TokenRate rate(1, 1);
    TokenBucket bucket;
    for (int i = 0; i < 100; ++i) {
        EXPECT_LE(bucket.charge(rate, kStart, TokenRate::kMost), std::chrono::hours(1));
    }
}

TEST(TokenBucketTest, WhatIsGivenBackCanBeTakenAgain) {
    const TokenRate rate(1, 2);
    TokenBucket bucket;
    EXPECT_EQ(bucket.take(rate, kStart), kTaken);
    EXPECT_EQ(bucket.take(rate, kStart), kTaken);
    bucket.give_back(rate);
    EXPECT_EQ(bucket.take(rate, kStart), kTaken);
    EXPECT_NE(bucket.take(rate, kStart), kTaken);
}

TEST(TokenBucketTest, WithoutABoundEverythingPasses) {
    TokenBucket bucket;
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(bucket.take(TokenRate(), kStart, TokenRate::kMost), kTaken);
        EXPECT_EQ(bucket.charge(TokenRate(), kStart, TokenRate::kMost), kTaken);
    }
    EXPECT_EQ(bucket.full_at(), 0);
}

TEST(TokenBucketTest, TheLargestNumbersDoNotOverflow) {
    const TokenRate slow(1, TokenRate::kMost);
    TokenBucket bucket;
    EXPECT_EQ(bucket.take(slow, kStart, TokenRate::kMost), kTaken);
    EXPECT_EQ(bucket.take(slow, kStart, TokenRate::kMost), seconds(TokenRate::kMost));
    const TokenRate fast(TokenRate::kMost, TokenRate::kMost);
    TokenBucket other;
    EXPECT_EQ(other.take(fast, kStart, TokenRate::kMost), kTaken);
    EXPECT_EQ(other.take(fast, kStart), nanoseconds(1));
}

TEST(TokenBucketTest, ThreadsTogetherGetNoMoreThanTheBurst) {
    const TokenRate rate(1, 10'000);
    TokenBucket bucket;
    std::atomic<int> taken{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 5000; ++i) {
                if (bucket.take(rate, kStart) == kTaken) ++taken;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(taken, 10'000);
}

}  // namespace
}  // namespace parrhesia::base
