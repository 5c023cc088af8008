// What every EventStore promises about queries. How a store joins: contract_suite.hpp.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/store_testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::test {

template <class Harness>
class EventStoreQueryContract : public testing::Test {
  protected:
    void TearDown() override {
        if (!this->HasFatalFailure()) harness.verify();
    }
    EventStore& store() { return harness.store(); }

    Harness harness;
};
TYPED_TEST_SUITE_P(EventStoreQueryContract);

TYPED_TEST_P(EventStoreQueryContract, RowsTellWhatTheyHold) {
    const EventPtr event = note(100, 7);
    const PutResult result = put(this->store(), event);
    ASSERT_EQ(result.status, PutStatus::stored);
    const auto scan = this->store().scan({Filter{}});
    ScanPage page;

    ASSERT_FALSE(scan->next({}, page));

    ASSERT_EQ(page.rows.size(), 1U);
    EXPECT_EQ(page.rows[0].id, event->id());
    EXPECT_EQ(page.rows[0].created_at, 100);
    EXPECT_EQ(page.rows[0].kind, 7);
    EXPECT_EQ(page.json(page.rows[0]), event->json());
    EXPECT_TRUE(page.done);
    EXPECT_TRUE(scan->mark().covers(result.position));
}

TYPED_TEST_P(EventStoreQueryContract, NewestFirstThenLowestId) {
    std::vector<EventPtr> events;
    for (int i = 0; i < 30; ++i) events.push_back(note(100 + i / 10));
    (void)put_all(this->store(), events);
    std::sort(events.begin(), events.end(), comes_before);
    Filter by_author;
    by_author.authors = {events[0]->pubkey()};
    Filter by_ids;
    for (const EventPtr& event : events) by_ids.ids.push_back(event->id());
    by_ids.normalize();

    EXPECT_EQ(query(this->store(), Filter{}), json_of(events));
    EXPECT_EQ(query(this->store(), kinds_filter({1, 2})), json_of(events));
    EXPECT_EQ(query(this->store(), by_author), json_of(events));
    EXPECT_EQ(query(this->store(), by_ids), json_of(events));
}

TYPED_TEST_P(EventStoreQueryContract, SinceAndUntilAreInclusive) {
    const EventPtr at_99 = note(99);
    const EventPtr at_100 = note(100);
    const EventPtr at_101 = note(101);
    (void)put_all(this->store(), {at_99, at_100, at_101});
    Filter filter;

    filter.since = filter.until = 100;
    EXPECT_EQ(query(this->store(), filter), json_of({at_100}));
    filter.since = 0;
    EXPECT_EQ(query(this->store(), filter), json_of({at_100, at_99}));
    filter.until = std::numeric_limits<std::int64_t>::max();
    filter.since = 101;
    EXPECT_EQ(query(this->store(), filter), json_of({at_101}));
    filter.until = 100;
    EXPECT_TRUE(query(this->store(), filter).empty());
}

TYPED_TEST_P(EventStoreQueryContract, TheFirstAndTheLastSecondAreFound) {
    const EventPtr first = note(0);
    const EventPtr last = note(std::numeric_limits<std::int64_t>::max());
    (void)put_all(this->store(), {first, last});
    Filter zero;
    zero.until = 0;

    EXPECT_EQ(query(this->store(), Filter{}), json_of({last, first}));
    EXPECT_EQ(query(this->store(), zero), json_of({first}));
}

TYPED_TEST_P(EventStoreQueryContract, EachFilterHasItsOwnLimitAndAnEventComesOnce) {
    const EventPtr a1 = note(104);
    const EventPtr a2 = note(103);
    const EventPtr a3 = note(102);
    const EventPtr b1 = note(101, 1, {}, "bob");
    const EventPtr b2 = note(100, 1, {}, "bob");
    (void)put_all(this->store(), {a1, a2, a3, b1, b2});
    Filter alice;
    alice.authors = {a1->pubkey()};
    alice.limit = 2;
    Filter bob;
    bob.authors = {b1->pubkey()};
    bob.limit = 1;
    Filter everything = kinds_filter({1});
    everything.limit = 3;

    EXPECT_EQ(query(this->store(), {alice, bob}), json_of({a1, a2, b1}));
    // What another filter sends as well counts for both.
    EXPECT_EQ(query(this->store(), {alice, everything}), json_of({a1, a2, a3}));
    EXPECT_EQ(query(this->store(), {alice, alice, alice}), json_of({a1, a2}));
}

TYPED_TEST_P(EventStoreQueryContract, LimitZeroAndNeverGiveNothingButAMark) {
    const auto results = put_all(this->store(), {note(100), note(101)});
    Filter none;
    none.limit = 0;
    Filter never;
    never.never = true;
    const auto scan = this->store().scan({none, never});
    ScanPage page;

    ASSERT_FALSE(scan->next({}, page));

    EXPECT_TRUE(page.rows.empty());
    EXPECT_TRUE(page.done);
    for (const PutResult& result : results) EXPECT_TRUE(scan->mark().covers(result.position));
    EXPECT_FALSE(scan->mark().covers(put(this->store(), note(102)).position));
    EXPECT_EQ(query(this->store(), {none, Filter{}}).size(), 3U);
}

TYPED_TEST_P(EventStoreQueryContract, NoFilterAndAnEmptyStoreGiveNothing) {
    EXPECT_TRUE(query(this->store(), Filter{}).empty());
    EXPECT_TRUE(query(this->store(), std::vector<Filter>{}).empty());
    (void)put(this->store(), note(1));
    EXPECT_TRUE(query(this->store(), std::vector<Filter>{}).empty());
}

TYPED_TEST_P(EventStoreQueryContract, ASliceKeepsToItsBudgetOfBytes) {
    std::vector<EventPtr> events;
    for (int i = 0; i < 10; ++i) events.push_back(note(200 - i));
    (void)put_all(this->store(), events);
    const std::size_t one = events[0]->json().size() + 4;
    const auto scan = this->store().scan({Filter{}});
    ScanPage page;
    ScanBudget budget;

    budget.max_bytes = 2 * one;
    ASSERT_FALSE(scan->next(budget, page));
    EXPECT_EQ(page.rows.size(), 2U);
    EXPECT_FALSE(page.done);
    budget.max_bytes = 1;  // one row may exceed it
    ASSERT_FALSE(scan->next(budget, page));
    EXPECT_EQ(page.rows.size(), 1U);
}

TYPED_TEST_P(EventStoreQueryContract, ASliceWithoutTimeStillBringsTheScanForward) {
    std::vector<EventPtr> events;
    for (int i = 0; i < 400; ++i) events.push_back(note(1000 + i, i % 100 == 0 ? 7 : 1));
    (void)put_all(this->store(), events);
    Filter rare = tag_filter('t', {"never used"});
    Filter sevens = kinds_filter({1, 7});
    sevens.authors = {events[0]->pubkey(), make_event("bob", {})->pubkey()};
    sevens.normalize();
    ScanBudget expired;
    expired.deadline = base::SteadyTime::min();

    EXPECT_EQ(query(this->store(), {sevens, rare}, expired), query(this->store(), {sevens, rare}));
    EXPECT_EQ(query(this->store(), {sevens, rare}).size(), 400U);
}

TYPED_TEST_P(EventStoreQueryContract, WhatIsCommittedAfterTheFirstSliceIsSkipped) {
    const EventPtr old1 = note(100);
    const EventPtr old2 = note(90);
    const auto before = put_all(this->store(), {old1, old2});
    const auto scan = this->store().scan({Filter{}});
    ScanBudget one_row;
    one_row.max_rows = 1;
    std::vector<PutResult> after;

    const auto seen = read_all(*scan, one_row, [&] {
        // Newer, between, and older than what is still to come.
        for (const PutResult& result : put_all(this->store(), {note(110), note(95), note(80)})) {
            after.push_back(result);
        }
    });

    EXPECT_EQ(seen, json_of({old1, old2}));
    for (const PutResult& result : before) EXPECT_TRUE(scan->mark().covers(result.position));
    ASSERT_FALSE(after.empty());
    for (const PutResult& result : after) EXPECT_FALSE(scan->mark().covers(result.position));
}

TYPED_TEST_P(EventStoreQueryContract, WhatIsReplacedBetweenSlicesMayBeMissingButHurtsNothing) {
    const EventPtr first = note(100);
    const EventPtr profile = note(90, 0);
    const EventPtr last = note(80);
    (void)put_all(this->store(), {first, profile, last});
    ScanBudget one_row;
    one_row.max_rows = 1;
    Filter by_ids;
    by_ids.ids = {first->id(), profile->id(), last->id()};
    by_ids.normalize();

    std::int64_t newer = 91;
    for (const Filter& filter : {Filter{}, by_ids}) {
        const auto scan = this->store().scan({filter});
        const auto seen =
            read_all(*scan, one_row, [&] { (void)put(this->store(), note(newer++, 0)); });
        ASSERT_GE(seen.size(), 2U);
        EXPECT_EQ(seen.front(), first->json());
        EXPECT_EQ(seen.back(), last->json());
    }
}

TYPED_TEST_P(EventStoreQueryContract, TinySlicesGiveTheSameSequenceBesideAWriter) {
    EventGenerator generator(7);
    // Regular events only: what is replaced meanwhile may be missing.
    const auto regular_event = [&] {
        for (;;) {
            EventPtr event = generator.event();
            if (event::class_of(event->kind()) == event::KindClass::regular) return event;
        }
    };
    std::vector<EventPtr> events;
    for (int i = 0; i < 200; ++i) events.push_back(regular_event());
    (void)put_all(this->store(), events);
    ScanBudget one_row;
    one_row.max_rows = 1;
    one_row.deadline = base::SteadyTime::min();

    for (int round = 0; round < 20; ++round) {
        std::vector<Filter> filters;
        for (auto count = 1 + generator.below(3); count > 0; --count) {
            filters.push_back(generator.filter());
        }
        const auto whole = query(this->store(), filters);
        const auto scan = this->store().scan(filters);
        const auto sliced = read_all(*scan, one_row, [&] {
            if (generator.one_in(8)) (void)put(this->store(), regular_event());
        });
        EXPECT_EQ(sliced, whole);
    }
}

TYPED_TEST_P(EventStoreQueryContract, TagValuesOfAnyLengthAreToldApart) {
    const std::string stem(64, 's');
    std::string thirty_two_bytes;  // as many as a key has that is not in hex
    for (int i = 0; i < 16; ++i) thirty_two_bytes += "\xC2\xAA";
    const std::vector<std::string> values = {"",
                                             std::string(1, '\0'),
                                             "a",
                                             "a\x01",
                                             "ab",
                                             stem,
                                             stem + "1",
                                             stem + "2",
                                             stem + "11",
                                             std::string(511, 'l'),
                                             std::string(600, 'l') + "1",
                                             std::string(600, 'l') + "2",
                                             std::string(5000, 'm'),
                                             std::string(64, 'a'),
                                             std::string(64, 'A'),
                                             std::string(63, 'a'),
                                             std::string(65, 'a'),
                                             thirty_two_bytes};
    std::vector<EventPtr> events;
    for (const std::string& value : values) events.push_back(note(100, 1, {{"r", value}}));
    (void)put_all(this->store(), events);

    for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_EQ(query(this->store(), tag_filter('r', {values[i]})), json_of({events[i]})) << i;
        EXPECT_TRUE(query(this->store(), tag_filter('R', {values[i]})).empty()) << i;
    }
    EXPECT_EQ(query(this->store(), tag_filter('r', values)).size(), values.size());
}

// Random events and filters, many of them meeting; the model has no index to be wrong about.
inline void compare_with_model(EventStore& store, std::uint64_t seed) {
    EventGenerator generator(seed);
    ModelStore model;
    for (int round = 0; round < 12; ++round) {
        std::vector<EventPtr> batch;
        for (auto count = 1 + generator.below(60); count > 0; --count) {
            batch.push_back(storable_event(generator));
            if (generator.one_in(20)) batch.push_back(batch[generator.below(batch.size())]);
        }
        const auto results = put_all(store, batch);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            ASSERT_EQ(results[i].status, model.put(batch[i]));
        }
        ASSERT_EQ(store.stats().events, model.size());
        for (int i = 0; i < 25; ++i) {
            std::vector<Filter> filters;
            for (auto count = 1 + generator.below(4); count > 0; --count) {
                filters.push_back(generator.filter());
            }
            ASSERT_EQ(query(store, filters), model.query(filters));
        }
    }
}

TYPED_TEST_P(EventStoreQueryContract, AgreesWithANaiveMatcher) {
    compare_with_model(this->store(), 1);
}
TYPED_TEST_P(EventStoreQueryContract, AgreesWithANaiveMatcherAgain) {
    compare_with_model(this->store(), 2);
}
TYPED_TEST_P(EventStoreQueryContract, AgreesWithANaiveMatcherOnceMore) {
    compare_with_model(this->store(), 3);
}
TYPED_TEST_P(EventStoreQueryContract, AgreesWithANaiveMatcherStill) {
    compare_with_model(this->store(), 4);
}

TYPED_TEST_P(EventStoreQueryContract, ManyReadersBesideAWriterSeeWholeCommits) {
    // Each batch has one event of each of two kinds: a snapshot shows equally many.
    constexpr int kBatches = 60;
    std::vector<std::vector<EventPtr>> batches;
    for (int i = 0; i < kBatches; ++i) batches.push_back({note(100 + i, 1), note(100 + i, 2)});
    std::atomic<bool> writing{true};
    std::atomic<int> wrong{0};
    struct Seen {
        std::size_t rows = 0;
        base::Mark mark;
    };
    std::vector<std::vector<Seen>> seen(3);
    std::vector<std::thread> readers;
    for (std::vector<Seen>& mine : seen) {
        readers.emplace_back([&] {
            do {
                const auto scan = this->store().scan({kinds_filter({1}), kinds_filter({2})});
                ScanPage page;
                if (scan->next({}, page)) ++wrong;
                const auto ones = std::count_if(page.rows.begin(), page.rows.end(),
                                                [](const auto& row) { return row.kind == 1; });
                if (2 * static_cast<std::size_t>(ones) != page.rows.size()) ++wrong;
                mine.push_back({page.rows.size(), scan->mark()});
            } while (writing);
        });
    }
    std::vector<base::Position> positions;
    for (const auto& batch : batches) {
        for (const PutResult& result : put_all(this->store(), batch)) {
            positions.push_back(result.position);
        }
    }
    writing = false;
    for (std::thread& reader : readers) reader.join();

    EXPECT_EQ(wrong, 0);
    for (const std::vector<Seen>& pages : seen) {
        for (const Seen& page : pages) {
            const auto covered = std::count_if(
                positions.begin(), positions.end(),
                [&page](const base::Position& position) { return page.mark.covers(position); });
            EXPECT_EQ(page.rows, static_cast<std::size_t>(covered));
        }
    }
    EXPECT_EQ(this->store().stats().events, 2U * kBatches);
}

REGISTER_TYPED_TEST_SUITE_P(EventStoreQueryContract, RowsTellWhatTheyHold, NewestFirstThenLowestId,
                            SinceAndUntilAreInclusive, TheFirstAndTheLastSecondAreFound,
                            EachFilterHasItsOwnLimitAndAnEventComesOnce,
                            LimitZeroAndNeverGiveNothingButAMark,
                            NoFilterAndAnEmptyStoreGiveNothing, ASliceKeepsToItsBudgetOfBytes,
                            ASliceWithoutTimeStillBringsTheScanForward,
                            WhatIsCommittedAfterTheFirstSliceIsSkipped,
                            WhatIsReplacedBetweenSlicesMayBeMissingButHurtsNothing,
                            TinySlicesGiveTheSameSequenceBesideAWriter,
                            TagValuesOfAnyLengthAreToldApart, AgreesWithANaiveMatcher,
                            AgreesWithANaiveMatcherAgain, AgreesWithANaiveMatcherOnceMore,
                            AgreesWithANaiveMatcherStill, ManyReadersBesideAWriterSeeWholeCommits);

}  // namespace parrhesia::test
