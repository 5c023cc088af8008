// What every EventStore promises. A store joins with
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, EventStoreContract, Harness);
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, EventStoreQueryContract, Harness);
// where Harness is default-constructible and has
//   store::EventStore& store();   // open, empty at first
//   void reopen();                // closes it and opens what is on the disk
//   void verify();                // fails the test when the store's own check finds a problem
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/store_testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::test {

template <class Harness>
class EventStoreContract : public testing::Test {
  protected:
    void TearDown() override {
        if (!this->HasFatalFailure()) harness.verify();
    }
    EventStore& store() { return harness.store(); }

    Harness harness;
};
TYPED_TEST_SUITE_P(EventStoreContract);

TYPED_TEST_P(EventStoreContract, StoresAndServesTheCanonicalJson) {
    const EventPtr event = note(100);

    const PutResult result = put(this->store(), event);

    EXPECT_EQ(result.status, PutStatus::stored);
    EXPECT_FALSE(result.error);
    EXPECT_NE(result.position.seq, 0U);
    EXPECT_EQ(query(this->store(), Filter{}), json_of({event}));
    EXPECT_EQ(this->store().stats().events, 1U);
    EXPECT_NE(this->store().stats().last_seq, 0U);
    EXPECT_GT(this->store().stats().bytes_on_disk, 0U);
    EXPECT_FALSE(this->store().writable());
}

TYPED_TEST_P(EventStoreContract, KnowsDuplicatesAlsoInOneBatch) {
    const EventPtr event = note(100);

    const auto results = put_all(this->store(), {event, event});

    EXPECT_EQ(results[0].status, PutStatus::stored);
    EXPECT_EQ(results[1].status, PutStatus::duplicate);
    EXPECT_EQ(put(this->store(), event).status, PutStatus::duplicate);
    EXPECT_EQ(this->store().stats().events, 1U);
}

TYPED_TEST_P(EventStoreContract, AnEmptyBatchIsNothing) {
    EXPECT_TRUE(put_all(this->store(), {}).empty());
    EXPECT_EQ(this->store().stats().events, 0U);
}

TYPED_TEST_P(EventStoreContract, TheNewerReplaceableEventStaysWhicheverComesFirst) {
    for (const Kind kind : {Kind{0}, Kind{3}, Kind{10002}}) {
        const EventPtr older = note(10, kind);
        const EventPtr newer = note(20, kind);
        const EventPtr oldest = note(9, kind);

        EXPECT_EQ(put(this->store(), older).status, PutStatus::stored);
        EXPECT_EQ(put(this->store(), newer).status, PutStatus::stored);
        EXPECT_EQ(put(this->store(), oldest).status, PutStatus::superseded);
        EXPECT_EQ(put(this->store(), older).status, PutStatus::superseded);

        EXPECT_EQ(query(this->store(), kinds_filter({kind})), json_of({newer}));
    }
}

TYPED_TEST_P(EventStoreContract, AtEqualTimesTheLowestIdStaysInBothOrders) {
    for (const bool low_first : {true, false}) {
        const Kind kind = low_first ? 10001 : 30001;
        EventPtr low = note(10, kind);
        EventPtr high = note(10, kind);
        if (high->id() < low->id()) std::swap(low, high);

        const auto results =
            low_first ? put_all(this->store(), {low, high}) : put_all(this->store(), {high, low});

        EXPECT_EQ(results[0].status, PutStatus::stored);
        EXPECT_EQ(results[1].status, low_first ? PutStatus::superseded : PutStatus::stored);
        EXPECT_EQ(query(this->store(), kinds_filter({kind})), json_of({low}));
    }
}

TYPED_TEST_P(EventStoreContract, AReplacedEventIsGoneFromEveryIndex) {
    const std::string target(64, 'a');
    const EventPtr older = note(10, 3, {{"p", target}, {"t", "old"}});
    const EventPtr newer = note(20, 3, {{"p", target}});
    ASSERT_EQ(put(this->store(), older).status, PutStatus::stored);
    ASSERT_EQ(put(this->store(), newer).status, PutStatus::stored);

    Filter by_id;
    by_id.ids = {older->id()};
    Filter by_author;
    by_author.authors = {older->pubkey()};

    EXPECT_TRUE(query(this->store(), by_id).empty());
    EXPECT_TRUE(query(this->store(), tag_filter('t', {"old"})).empty());
    EXPECT_EQ(query(this->store(), tag_filter('p', {target})), json_of({newer}));
    EXPECT_EQ(query(this->store(), by_author), json_of({newer}));
    EXPECT_EQ(query(this->store(), Filter{}), json_of({newer}));
    EXPECT_EQ(this->store().stats().events, 1U);
}

// nips.md T01.16.
TYPED_TEST_P(EventStoreContract, AnAddressIsKindAuthorAndFirstIdentifier) {
    const EventPtr a = note(10, 30023, {{"d", "a"}});
    const EventPtr b = note(10, 30023, {{"d", "b"}});
    const EventPtr other_kind = note(10, 30024, {{"d", "a"}});
    const EventPtr other_author = note(10, 30023, {{"d", "a"}}, "bob");
    const EventPtr x = note(10, 30023, {{"d", "x"}, {"d", "y"}});
    for (const PutResult& result : put_all(this->store(), {a, b, other_kind, other_author, x})) {
        EXPECT_EQ(result.status, PutStatus::stored);
    }

    const EventPtr newer_x = note(11, 30023, {{"d", "x"}});
    const EventPtr y = note(9, 30023, {{"d", "y"}});
    EXPECT_EQ(put(this->store(), newer_x).status, PutStatus::stored);
    EXPECT_EQ(put(this->store(), y).status, PutStatus::stored);

    std::vector<EventPtr> expected{a, b, other_kind, other_author, newer_x, y};
    std::sort(expected.begin(), expected.end(), comes_before);
    EXPECT_EQ(query(this->store(), Filter{}), json_of(expected));
}

TYPED_TEST_P(EventStoreContract, AMissingIdentifierIsAnEmptyOne) {
    const EventPtr none = note(10, 30023);
    const EventPtr no_value = note(11, 30023, {{"d"}});
    const EventPtr empty = note(12, 30023, {{"d", ""}});

    for (const EventPtr& event : {none, no_value, empty}) {
        EXPECT_EQ(put(this->store(), event).status, PutStatus::stored);
        EXPECT_EQ(query(this->store(), kinds_filter({30023})), json_of({event}));
        EXPECT_EQ(query(this->store(), tag_filter('d', {""})), json_of({event}));
    }
    EXPECT_EQ(put(this->store(), none).status, PutStatus::superseded);
}

TYPED_TEST_P(EventStoreContract, RegularKindsAreNeverReplaced) {
    for (const Kind kind : std::vector<Kind>{45, 62, 64, 78, 443, 445, 999, 40000, 65535}) {
        const EventPtr first = note(10, kind);
        const EventPtr second = note(11, kind);
        EXPECT_EQ(put(this->store(), first).status, PutStatus::stored);
        EXPECT_EQ(put(this->store(), second).status, PutStatus::stored);
        EXPECT_EQ(query(this->store(), kinds_filter({kind})), json_of({second, first}));
    }
}

TYPED_TEST_P(EventStoreContract, SurvivesReopening) {
    const EventPtr first = note(100, 1, {{"t", "x"}});
    const EventPtr second = note(101, 0);
    (void)put_all(this->store(), {first, second});

    this->harness.reopen();

    EXPECT_EQ(query(this->store(), Filter{}), json_of({second, first}));
    EXPECT_EQ(query(this->store(), tag_filter('t', {"x"})), json_of({first}));
    EXPECT_EQ(put(this->store(), first).status, PutStatus::duplicate);
    EXPECT_EQ(put(this->store(), note(99, 0)).status, PutStatus::superseded);
}

TYPED_TEST_P(EventStoreContract, RepeatedTagsAndFurtherValues) {
    const EventPtr event =
        note(100, 30000, {{"t", "a", "c"}, {"t", "a"}, {"t", "b"}, {"d", "list"}});
    (void)put(this->store(), event);

    EXPECT_EQ(query(this->store(), tag_filter('t', {"a", "b"})), json_of({event}));
    EXPECT_TRUE(query(this->store(), tag_filter('t', {"c"})).empty());
    // Its replacement takes all of its entries away.
    const EventPtr newer = note(101, 30000, {{"d", "list"}});
    EXPECT_EQ(put(this->store(), newer).status, PutStatus::stored);
    EXPECT_TRUE(query(this->store(), tag_filter('t', {"a", "b"})).empty());
}

TYPED_TEST_P(EventStoreContract, AnEventWithManyTags) {
    Tags people;
    for (int i = 0; i < 3000; ++i) {
        std::string key(64, '0');
        key.replace(0, std::to_string(i).size(), std::to_string(i));
        people.push_back({"p", key});
    }
    const EventPtr list = note(100, 3, people);
    ASSERT_EQ(put(this->store(), list).status, PutStatus::stored);

    EXPECT_EQ(query(this->store(), tag_filter('p', {people[2999][1]})), json_of({list}));
    EXPECT_EQ(put(this->store(), note(101, 3)).status, PutStatus::stored);
    EXPECT_TRUE(query(this->store(), tag_filter('p', {people[2999][1]})).empty());
}

REGISTER_TYPED_TEST_SUITE_P(EventStoreContract, StoresAndServesTheCanonicalJson,
                            KnowsDuplicatesAlsoInOneBatch, AnEmptyBatchIsNothing,
                            TheNewerReplaceableEventStaysWhicheverComesFirst,
                            AtEqualTimesTheLowestIdStaysInBothOrders,
                            AReplacedEventIsGoneFromEveryIndex,
                            AnAddressIsKindAuthorAndFirstIdentifier, AMissingIdentifierIsAnEmptyOne,
                            RegularKindsAreNeverReplaced, SurvivesReopening,
                            RepeatedTagsAndFurtherValues, AnEventWithManyTags);

}  // namespace parrhesia::test
