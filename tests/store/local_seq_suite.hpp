// What a store with one writer promises besides contract_suite.hpp: its positions are local_seqs.
// How a store joins: contract_suite.hpp.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/store_testing.hpp"

#include <gtest/gtest.h>

namespace parrhesia::test {

template <class Harness>
class LocalSeqContract : public testing::Test {
  protected:
    EventStore& store() { return harness.store(); }

    Harness harness;
};
TYPED_TEST_SUITE_P(LocalSeqContract);

TYPED_TEST_P(LocalSeqContract, SeqsRiseWithoutGapsInCommitOrder) {
    const auto first = put_all(this->store(), {note(300), note(100), note(200)});
    const auto second = put_all(this->store(), {note(50)});

    EXPECT_EQ(first[0].position.seq, 1U);
    EXPECT_EQ(first[1].position.seq, 2U);
    EXPECT_EQ(first[2].position.seq, 3U);
    EXPECT_EQ(second[0].position.seq, 4U);
}

TYPED_TEST_P(LocalSeqContract, ASeqIsNeverUsedAgain) {
    EXPECT_EQ(put(this->store(), note(100, 0)).position.seq, 1U);
    // The event with the highest seq goes away within the transaction that follows.
    const auto results = put_all(this->store(), {note(101, 0), note(102, 0)});
    EXPECT_EQ(results[1].position.seq, 3U);

    this->harness.reopen();

    EXPECT_EQ(this->store().stats().last_seq, 3U);
    EXPECT_EQ(put(this->store(), note(103, 0)).position.seq, 4U);
    this->harness.reopen();
    EXPECT_EQ(put(this->store(), note(104)).position.seq, 5U);
    EXPECT_EQ(this->store().stats().events, 2U);
}

REGISTER_TYPED_TEST_SUITE_P(LocalSeqContract, SeqsRiseWithoutGapsInCommitOrder,
                            ASeqIsNeverUsedAgain);

}  // namespace parrhesia::test
