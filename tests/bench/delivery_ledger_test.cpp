#include "delivery_ledger.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <vector>

namespace parrhesia::bench {
namespace {

using Verdict = DeliveryLedger::Verdict;
using Span = DeliveryLedger::Span;
using Number = DeliveryLedger::Number;

constexpr std::size_t kEvents = 16;

class DeliveryLedgerTest : public testing::Test {
  protected:
    // A subscription to everything that has its EOSE.
    Span live_span() {
        const Span span = ledger.ask(everything);
        ledger.live(span);
        return span;
    }
    void publish(std::initializer_list<Number> numbers) {
        for (const Number number : numbers) ledger.published(number, at(number));
    }
    // Event n is published at second n.
    static TimePoint at(Number second) { return TimePoint() + std::chrono::seconds(second + 1); }
    static constexpr TimePoint kNothingIsOverdue{};

    static DeliveryLedger::Wanted wants(std::initializer_list<Number> numbers) {
        std::vector<bool> bits(kEvents);
        for (const Number number : numbers) bits[number] = true;
        return std::make_shared<const std::vector<bool>>(std::move(bits));
    }

    const DeliveryLedger::Wanted everything =
        std::make_shared<const std::vector<bool>>(kEvents, true);
    DeliveryLedger ledger{kEvents};
};

TEST_F(DeliveryLedgerTest, AnEventIsOwedToWhoHadItsEoseBefore) {
    const Span span = live_span();
    publish({0});
    EXPECT_TRUE(ledger.owes(span));
    EXPECT_EQ(ledger.owed(), 1U);

    EXPECT_EQ(ledger.delivered(span, 0), Verdict::good);

    EXPECT_FALSE(ledger.owes(span));
    EXPECT_EQ(ledger.owed(), 0U);
    EXPECT_EQ(ledger.paid(), 1U);
}

TEST_F(DeliveryLedgerTest, EverySubscriptionHasItsOwnDebts) {
    const Span first = live_span();
    const Span second = live_span();
    publish({0});

    EXPECT_EQ(ledger.delivered(first, 0), Verdict::good);

    EXPECT_TRUE(ledger.owes(second));
    EXPECT_EQ(ledger.delivered(second, 0), Verdict::good);
}

TEST_F(DeliveryLedgerTest, WhatIsNotDeliveredIsMissing) {
    live_span();
    publish({0, 1});

    ledger.finish();

    EXPECT_EQ(ledger.missing(), 2U);
}

TEST_F(DeliveryLedgerTest, ASecondDeliveryIsADuplicate) {
    const Span span = live_span();
    publish({0});
    EXPECT_EQ(ledger.delivered(span, 0), Verdict::good);

    EXPECT_EQ(ledger.delivered(span, 0), Verdict::duplicate);
}

TEST_F(DeliveryLedgerTest, AnEventThatTheFilterDoesNotMatchIsWrongAndNotOwed) {
    const Span span = ledger.ask(wants({1}));
    ledger.live(span);
    publish({0, 1});

    EXPECT_EQ(ledger.owed(), 1U);
    EXPECT_EQ(ledger.delivered(span, 0), Verdict::wrong);
    EXPECT_EQ(ledger.delivered(span, 1), Verdict::good);
}

TEST_F(DeliveryLedgerTest, AnEventThatIsNotPublishedYetIsWrong) {
    const Span span = live_span();
    publish({0});

    EXPECT_EQ(ledger.delivered(span, 1), Verdict::wrong);
}

TEST_F(DeliveryLedgerTest, BetweenReqAndEoseAnEventMayComeButOnlyOnce) {
    const Span span = ledger.ask(everything);
    publish({0, 1});
    ledger.live(span);

    EXPECT_EQ(ledger.owed(), 0U);
    EXPECT_EQ(ledger.delivered(span, 0), Verdict::good);
    EXPECT_EQ(ledger.delivered(span, 0), Verdict::duplicate);
    EXPECT_EQ(ledger.paid(), 0U);
}

TEST_F(DeliveryLedgerTest, AnEventUnderWayAtTheReqMayCome) {
    publish({0});
    const Span span = live_span();
    ledger.acknowledged(0);

    EXPECT_EQ(ledger.delivered(span, 0), Verdict::good);
}

TEST_F(DeliveryLedgerTest, AnEventThatWasAcknowledgedBeforeTheReqIsWrong) {
    publish({0, 1});
    ledger.acknowledged(1);  // before 0, which is still under way
    const Span early = live_span();
    ledger.acknowledged(0);
    const Span late = live_span();

    EXPECT_EQ(ledger.delivered(early, 1), Verdict::wrong);
    EXPECT_EQ(ledger.delivered(early, 0), Verdict::good);
    EXPECT_EQ(ledger.delivered(late, 0), Verdict::wrong);
}

TEST_F(DeliveryLedgerTest, WhoLeavesIsOwedOnlyWhatWasPublishedBefore) {
    const Span span = live_span();
    publish({0});
    ledger.leave(span);
    publish({1});

    EXPECT_EQ(ledger.owed(), 1U);
    EXPECT_EQ(ledger.delivered(span, 1), Verdict::good);  // it may come
    EXPECT_TRUE(ledger.owes(span));
    EXPECT_EQ(ledger.delivered(span, 0), Verdict::good);
    EXPECT_FALSE(ledger.owes(span));
}

TEST_F(DeliveryLedgerTest, AtTheEndOnlyWhatIsOverdueIsMissing) {
    const Span span = live_span();
    publish({0, 1, 2});

    ledger.end(span, at(2));

    EXPECT_EQ(ledger.missing(), 2U);
    EXPECT_EQ(ledger.excused(), 1U);
    EXPECT_EQ(ledger.owed(), 0U);
    ledger.finish();
    EXPECT_EQ(ledger.missing(), 2U);
}

TEST_F(DeliveryLedgerTest, AfterTheEndADeliveryMayStillArriveOnce) {
    const Span span = live_span();
    publish({0});
    ledger.end(span, kNothingIsOverdue);

    EXPECT_EQ(ledger.delivered(span, 0), Verdict::good);
    EXPECT_EQ(ledger.delivered(span, 0), Verdict::duplicate);
    EXPECT_EQ(ledger.excused(), 1U);
    EXPECT_EQ(ledger.paid(), 0U);
}

TEST_F(DeliveryLedgerTest, WhatComesForAForgottenSubscriptionIsWrong) {
    const Span span = live_span();
    publish({0});
    ledger.end(span, kNothingIsOverdue);
    ledger.forget(span);

    EXPECT_EQ(ledger.delivered(span, 0), Verdict::wrong);
}

TEST_F(DeliveryLedgerTest, TheNextSubscriptionOfAConnectionMayGetTheEventToo) {
    const Span old_span = live_span();
    publish({0});
    ledger.end(old_span, kNothingIsOverdue);
    const Span new_span = live_span();

    EXPECT_EQ(ledger.delivered(old_span, 0), Verdict::good);
    EXPECT_EQ(ledger.delivered(new_span, 0), Verdict::good);
}

}  // namespace
}  // namespace parrhesia::bench
