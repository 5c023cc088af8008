// What every EventStore promises about deletions (NIP-09, NIP-59) and requests to vanish (NIP-62).
// A store joins as in contract_suite.hpp; it is known as kRelayUrl.
#pragma once

#include "store/deletion_testing.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace parrhesia::test {

template <class Harness>
class DeletionContract : public testing::Test {
  protected:
    void TearDown() override {
        if (!this->HasFatalFailure()) harness.verify();
    }
    EventStore& store() { return harness.store(); }
    void expect_stored(const std::vector<EventPtr>& events) {
        for (const EventPtr& event : events) {
            EXPECT_EQ(put(store(), event).status, PutStatus::stored) << event->json();
        }
    }

    Harness harness;
};
TYPED_TEST_SUITE_P(DeletionContract);

// nips.md T09.01.
TYPED_TEST_P(DeletionContract, WhatItsAuthorDeletesIsGoneAndStaysOut) {
    const EventPtr target = note(100, 1, {{"t", "x"}});
    const EventPtr deletion = deletion_of(target, 101);
    this->expect_stored({target, deletion});
    Filter by_id;
    by_id.ids = {target->id()};
    Filter by_author_and_kind = kinds_filter({1});
    by_author_and_kind.authors = {target->pubkey()};

    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(query(this->store(), Filter{}), json_of({deletion}));
        EXPECT_TRUE(query(this->store(), by_id).empty());
        EXPECT_TRUE(query(this->store(), by_author_and_kind).empty());
        EXPECT_TRUE(query(this->store(), tag_filter('t', {"x"})).empty());
        EXPECT_EQ(this->store().stats().events, 1U);
        expect_refused(put(this->store(), target), Errc::deleted);
        EXPECT_EQ(put(this->store(), deletion).status, PutStatus::duplicate);
        this->harness.reopen();
    }
}

TYPED_TEST_P(DeletionContract, EventsOfOneBatchSeeEachOthersDeletions) {
    const EventPtr before = note(100);
    const EventPtr after = note(100);
    const auto results = put_all(
        this->store(),
        {before, deletion_of(before, 101), deletion_of(after, 101), after, before, note(10, 0),
         address_deletion("0:" + pubkey_of("alice") + ":", 20), note(15, 0), note(25, 0)});

    EXPECT_EQ(results[0].status, PutStatus::stored);
    expect_refused(results[3], Errc::deleted);
    expect_refused(results[4], Errc::deleted);
    EXPECT_EQ(results[5].status, PutStatus::stored);
    expect_refused(results[7], Errc::deleted);
    EXPECT_EQ(results[8].status, PutStatus::stored);
    EXPECT_EQ(query(this->store(), kinds_filter({0, 1})).size(), 1U);
    EXPECT_EQ(this->store().stats().events, 4U);
}

// nips.md T09.02, T09.05.
TYPED_TEST_P(DeletionContract, OthersCannotDelete) {
    const EventPtr stored = note(100);
    const EventPtr later = note(101);
    const EventPtr of_stored = deletion_of(stored, 102, "bob");
    const EventPtr of_later = deletion_of(later, 102, "bob");
    const EventPtr list = note(50, 10002);
    const EventPtr of_list = address_deletion("10002:" + pubkey_of("alice") + ":", 102, "bob");

    this->expect_stored({stored, list, of_stored, of_later, of_list, later});

    EXPECT_EQ(query(this->store(), kinds_filter({1, 10002})), json_of({later, stored, list}));
}

TYPED_TEST_P(DeletionContract, ADeletionMayComeBeforeItsTarget) {
    const EventPtr target = note(100);
    this->expect_stored({deletion_of(target, 101)});

    expect_refused(put(this->store(), target), Errc::deleted);
    this->harness.reopen();
    expect_refused(put(this->store(), target), Errc::deleted);
}

// nips.md T09.03, T09.04.
TYPED_TEST_P(DeletionContract, AnAddressIsDeletedUpToTheTimeOfTheDeletion) {
    const std::string alice = pubkey_of("alice");
    for (const auto& [kind, name] : std::vector<std::pair<Kind, std::string>>{
             {0, ""}, {10002, ""}, {30023, "x"}, {30023, std::string(600, 'y')}}) {
        const Tags tags = kind == 30023 ? Tags{{"d", name}} : Tags{};
        const std::string address = std::to_string(kind) + ":" + alice + ":" + name;
        const EventPtr other = note(80, 30024, {{"d", name}});
        this->expect_stored({note(90, kind, tags), address_deletion(address, 100)});
        (void)put(this->store(), other);

        EXPECT_TRUE(query(this->store(), kinds_filter({kind})).empty());
        expect_refused(put(this->store(), note(95, kind, tags)), Errc::deleted);
        expect_refused(put(this->store(), note(100, kind, tags)), Errc::deleted);
        const EventPtr newer = note(101, kind, tags);
        this->expect_stored({newer});
        // An older deletion takes nothing back.
        this->expect_stored({address_deletion(address, 50)});
        this->harness.reopen();
        EXPECT_EQ(query(this->store(), kinds_filter({kind})), json_of({newer}));
        expect_refused(put(this->store(), note(99, kind, tags)), Errc::deleted);
        EXPECT_EQ(put(this->store(), newer).status, PutStatus::duplicate);
        this->expect_stored({deletion_of(newer, 60)});  // by id no time counts
        EXPECT_TRUE(query(this->store(), kinds_filter({kind})).empty());
        EXPECT_EQ(query(this->store(), kinds_filter({30024})).empty(), false);
    }
}

TYPED_TEST_P(DeletionContract, AVersionAfterADeletedOneReplacesNothing) {
    const EventPtr first = note(10, 10002);
    const EventPtr second = note(20, 10002);
    const EventPtr third = note(30, 10002);
    this->expect_stored({first, second, deletion_of(second, 25)});
    EXPECT_EQ(this->store().stats().events, 1U);
    // Only the version that was there is deleted; nobody has asked for the others.
    EXPECT_TRUE(query(this->store(), kinds_filter({10002})).empty());

    this->expect_stored({third});

    EXPECT_EQ(query(this->store(), kinds_filter({10002})), json_of({third}));
    EXPECT_EQ(this->store().stats().events, 2U);
    this->harness.reopen();
    EXPECT_EQ(this->store().stats().events, 2U);
}

TYPED_TEST_P(DeletionContract, ADeletionOfAReplacedVersionTakesNothing) {
    const EventPtr first = note(10, 10002);
    const EventPtr second = note(20, 10002);
    const EventPtr deletion = deletion_of(first, 30);
    this->expect_stored({first, second, deletion});

    EXPECT_EQ(query(this->store(), Filter{}), json_of({deletion, second}));
    EXPECT_EQ(this->store().stats().events, 2U);
    this->harness.reopen();
    EXPECT_EQ(query(this->store(), Filter{}), json_of({deletion, second}));
    EXPECT_EQ(this->store().stats().events, 2U);
}

// nips.md T09.06.
TYPED_TEST_P(DeletionContract, DeletionsAndRequestsToVanishCannotBeDeleted) {
    const EventPtr target = note(100);
    const EventPtr deletion = deletion_of(target, 101);
    const EventPtr of_deletion = deletion_of(deletion, 102);
    const EventPtr request = vanish_request(50);
    const EventPtr of_request = deletion_of(request, 103);

    this->expect_stored({target, deletion, of_deletion, request, of_request});

    EXPECT_EQ(query(this->store(), Filter{}),
              json_of({of_request, of_deletion, deletion, request}));
    expect_refused(put(this->store(), target), Errc::deleted);
    EXPECT_EQ(put(this->store(), deletion).status, PutStatus::duplicate);
    // Not even before they come.
    const EventPtr later = deletion_of(note(1), 104);
    this->expect_stored({deletion_of(later, 105), later});
}

// nips.md T09.07.
TYPED_TEST_P(DeletionContract, RecipientsDeleteTheirGiftWraps) {
    const EventPtr wrap = wrap_to("bob", 100);
    const EventPtr later = wrap_to("bob", 100);
    const EventPtr mention = note(100, 1, {{"p", pubkey_of("bob")}});
    this->expect_stored({wrap, mention, deletion_of(wrap, 101, "carol")});
    EXPECT_EQ(query(this->store(), kinds_filter({1059})), json_of({wrap}));

    this->expect_stored({deletion_of(wrap, 102, "bob"), deletion_of(later, 103, "bob"),
                         deletion_of(mention, 104, "bob")});

    EXPECT_TRUE(query(this->store(), kinds_filter({1059})).empty());
    EXPECT_EQ(query(this->store(), kinds_filter({1})), json_of({mention}));
    this->harness.reopen();
    expect_refused(put(this->store(), wrap), Errc::deleted);
    expect_refused(put(this->store(), later), Errc::deleted);
}

TYPED_TEST_P(DeletionContract, TombstonesAreNoEvents) {
    this->expect_stored(
        {deletion_of(note(1), 2), address_deletion("0:" + pubkey_of("alice") + ":", 3)});

    EXPECT_EQ(this->store().stats().events, 2U);
    this->harness.reopen();
    EXPECT_EQ(this->store().stats().events, 2U);
    EXPECT_EQ(this->store().stats().tombstones, 2U);
}

// nips.md T62.01.
TYPED_TEST_P(DeletionContract, VanishingTakesAllOfTheAuthorUpToItsTime) {
    const EventPtr deleted = note(5);
    std::vector<EventPtr> old{
        note(10, 0),    note(20, 3),  note(30, 10002),          note(100, 1),
        note(99, 1059), note(40, 62), deletion_of(deleted, 50), note(60, 30023, {{"d", "x"}})};
    const EventPtr newer = note(101, 30023, {{"d", "y"}});
    const EventPtr others = note(50, 1, {{"p", pubkey_of("alice")}}, "bob");
    const EventPtr wrap = wrap_to("alice", 500);
    const EventPtr others_wrap = wrap_to("bob", 50);
    const EventPtr request = vanish_request(100, "alice", kRelayUrl);
    this->expect_stored(old);
    this->expect_stored({newer, others, wrap, others_wrap});
    const std::vector<std::string> kept = json_of({newer, request, others, others_wrap});

    this->expect_stored({request});

    for (int round = 0; round < 2; ++round) {
        auto found = query(this->store(), Filter{});
        std::sort(found.begin(), found.end());
        auto expected = kept;
        std::sort(expected.begin(), expected.end());
        EXPECT_EQ(found, expected);
        for (const EventPtr& event : old) {
            Filter by_id;
            by_id.ids = {event->id()};
            EXPECT_TRUE(query(this->store(), by_id).empty());
            expect_refused(put(this->store(), event), Errc::vanished);
        }
        expect_refused(put(this->store(), wrap), Errc::vanished);
        expect_refused(put(this->store(), deleted), Errc::vanished);
        expect_refused(put(this->store(), note(100)), Errc::vanished);
        EXPECT_EQ(put(this->store(), request).status, PutStatus::duplicate);
        EXPECT_EQ(put(this->store(), newer).status, PutStatus::duplicate);
        this->harness.reopen();
    }
    EXPECT_TRUE(eventually([&] { return this->store().stats().events == 4; }));
    // Gift wraps are dated back: a new one comes through.
    this->expect_stored({note(101), note(102, 0), wrap_to("alice", 1)});
}

// nips.md T62.02.
TYPED_TEST_P(DeletionContract, ARequestToOthersIsAnOrdinaryEvent) {
    const EventPtr target = note(10);
    std::vector<EventPtr> requests{vanish_request(100, "alice", "wss://other.example"),
                                   vanish_request(101, "alice", "all_relays"), note(102, 62)};
    this->expect_stored({target});
    this->expect_stored(requests);

    EXPECT_EQ(query(this->store(), Filter{}),
              json_of({requests[2], requests[1], requests[0], target}));
    this->expect_stored({note(11), vanish_request(99)});
    // Those are the author's events like any other.
    EXPECT_EQ(query(this->store(), kinds_filter({1, 62})).size(), 4U);
}

TYPED_TEST_P(DeletionContract, TheLatestRequestToVanishCounts) {
    const EventPtr first = vanish_request(100);
    const EventPtr second = vanish_request(200);
    const EventPtr between = note(150);
    this->expect_stored({first, between, second});

    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(query(this->store(), Filter{}), json_of({second}));
        expect_refused(put(this->store(), between), Errc::vanished);
        expect_refused(put(this->store(), first), Errc::vanished);
        expect_refused(put(this->store(), vanish_request(150)), Errc::vanished);
        EXPECT_EQ(put(this->store(), second).status, PutStatus::duplicate);
        this->harness.reopen();
    }
}

TYPED_TEST_P(DeletionContract, ARequestSeesTheEventsOfItsBatch) {
    const EventPtr before = note(10);
    const EventPtr request = vanish_request(100);
    const EventPtr after = note(20);
    const EventPtr newer = note(101);
    const auto results =
        put_all(this->store(), {before, wrap_to("alice", 1), request, after, newer});

    EXPECT_EQ(results[2].status, PutStatus::stored);
    expect_refused(results[3], Errc::vanished);
    EXPECT_EQ(query(this->store(), Filter{}), json_of({newer, request}));
    this->harness.reopen();
    EXPECT_EQ(query(this->store(), Filter{}), json_of({newer, request}));
}

TYPED_TEST_P(DeletionContract, ALongHistoryVanishesInSteps) {
    std::vector<EventPtr> batch;
    for (int i = 0; i < 450; ++i) {
        batch.push_back(note(i, i % 3 == 0 ? 7 : 1, {{"t", "x"}}));
        batch.push_back(note(i, 1, {{"p", pubkey_of("alice")}}, "bob"));
        if (i % 2 == 0) batch.push_back(wrap_to("alice", i));
    }
    for (const PutResult& result : put_all(this->store(), batch)) {
        ASSERT_EQ(result.status, PutStatus::stored);
    }
    const EventPtr request = vanish_request(1000);
    this->expect_stored({request});

    EXPECT_EQ(query(this->store(), Filter{}).size(), 451U);
    EXPECT_TRUE(query(this->store(), tag_filter('t', {"x"})).empty());
    EXPECT_TRUE(query(this->store(), kinds_filter({1059})).empty());
    this->harness.reopen();
    EXPECT_EQ(query(this->store(), Filter{}).size(), 451U);
    EXPECT_TRUE(eventually([&] { return this->store().stats().events == 451; }));
    EXPECT_EQ(query(this->store(), Filter{}).size(), 451U);
    for (const EventPtr& event : batch) {
        if (event->kind() != 1059) continue;
        expect_refused(put(this->store(), event), Errc::vanished);
    }
}

// Against a naive oracle, with restarts in between.
TYPED_TEST_P(DeletionContract, AnyHistoryEndsAsTheRulesSay) {
    for (unsigned seed = 1; seed <= 6; ++seed) {
        DeletionHistory history(seed);
        DeletionModel model;
        for (int step = 0; step < 60; ++step) {
            std::vector<EventPtr> batch;
            for (auto count = 1 + history.below(4); count > 0; --count) {
                batch.push_back(history.next());
            }
            const auto results = put_all(this->store(), batch);
            for (std::size_t i = 0; i < batch.size(); ++i) {
                ASSERT_EQ(results[i].status, model.put(batch[i]))
                    << "seed " << seed << ", step " << step << ": " << batch[i]->json();
            }
            if (history.one_in(20)) this->harness.reopen();
            ASSERT_EQ(query(this->store(), Filter{}), model.all())
                << "seed " << seed << ", step " << step;
            if (!model.has_vanished()) {  // else some are still to be removed
                ASSERT_EQ(this->store().stats().events, model.size())
                    << "seed " << seed << ", step " << step;
            }
        }
        this->harness.reopen();
        EXPECT_TRUE(eventually([&] { return this->store().stats().events == model.size(); }));
        this->harness.start_over();
    }
}

REGISTER_TYPED_TEST_SUITE_P(
    DeletionContract, WhatItsAuthorDeletesIsGoneAndStaysOut, EventsOfOneBatchSeeEachOthersDeletions,
    OthersCannotDelete, ADeletionMayComeBeforeItsTarget, AnAddressIsDeletedUpToTheTimeOfTheDeletion,
    AVersionAfterADeletedOneReplacesNothing, ADeletionOfAReplacedVersionTakesNothing,
    DeletionsAndRequestsToVanishCannotBeDeleted, RecipientsDeleteTheirGiftWraps,
    TombstonesAreNoEvents, VanishingTakesAllOfTheAuthorUpToItsTime,
    ARequestToOthersIsAnOrdinaryEvent, TheLatestRequestToVanishCounts,
    ARequestSeesTheEventsOfItsBatch, ALongHistoryVanishesInSteps, AnyHistoryEndsAsTheRulesSay);

}  // namespace parrhesia::test
