#include "parrhesia/fanout/subscription_index.hpp"

#include "parrhesia/event/verify.hpp"

#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::fanout {
namespace {

using event::EventPtr;
using event::Filter;
using Filters = std::vector<Filter>;

struct RecordingSubscriber final : Subscriber {
    void on_event(const Published& published) override {
        got.push_back(published.event->id());
        if (then) then();
    }
    std::vector<event::Id> got;
    std::function<void()> then;
};

std::shared_ptr<const Filters> shared(Filters filters) {
    for (auto& filter : filters) filter.normalize();
    return std::make_shared<const Filters>(std::move(filters));
}

template <class Change>
Filter filter_with(Change change) {
    Filter filter;
    change(filter);
    return filter;
}

class SubscriptionIndexTest : public testing::Test {
  protected:
    std::size_t publish(const EventPtr& event) {
        return index.publish({event, base::Position{1}, {}});
    }

    const EventPtr note =
        test::make_event("author", {100, 1, {{"e", "x"}, {"t", "a"}, {"t", "b"}, {"t", "a"}}, ""});
    const EventPtr other = test::make_event("other", {200, 7, {}, ""});
    RecordingSubscriber alice;
    RecordingSubscriber bob;
    SubscriptionIndex index;
};

TEST_F(SubscriptionIndexTest, FindsAFilterByEachOfItsFields) {
    const Filters filters = {
        filter_with([&](Filter& filter) { filter.ids = {note->id()}; }),
        filter_with([&](Filter& filter) { filter.authors = {note->pubkey()}; }),
        filter_with([&](Filter& filter) {
            filter.authors = {note->pubkey()};
            filter.kinds = {1};
        }),
        filter_with([&](Filter& filter) {
            filter.authors = {note->pubkey()};
            filter.kinds = {1, 7};
        }),
        filter_with([&](Filter& filter) {
            filter.kinds = {1, 2};
        }),
        filter_with([&](Filter& filter) {
            filter.tags = {{'t', {"b", "c"}}};
        }),
        filter_with([&](Filter& filter) {
            filter.tags = {{'t', {"b", "c"}}};
            filter.kinds = {1};
        }),
        filter_with([&](Filter& filter) {
            filter.since = 50;
            filter.until = 150;
        }),
    };
    for (const auto& filter : filters) {
        RecordingSubscriber subscriber;
        index.add(subscriber, shared({filter}));
        EXPECT_EQ(publish(note), 1U);
        EXPECT_EQ(publish(other), 0U);
        EXPECT_EQ(subscriber.got, std::vector{note->id()});
        index.remove(subscriber);
        EXPECT_EQ(publish(note), 0U);
    }
}

TEST_F(SubscriptionIndexTest, CallsASubscriptionOnceThoughSeveralFiltersMatch) {
    index.add(alice,
              shared({Filter{}, Filter{}, filter_with([&](Filter& filter) { filter.kinds = {1}; }),
                      filter_with([&](Filter& filter) { filter.ids = {note->id()}; }),
                      filter_with([](Filter& filter) {
                          filter.tags = {{'t', {"a", "b"}}};
                      })}));
    EXPECT_EQ(publish(note), 1U);
    EXPECT_EQ(alice.got.size(), 1U);
    EXPECT_EQ(publish(note), 1U) << "the index remembers no events";
    EXPECT_EQ(alice.got.size(), 2U);
}

TEST_F(SubscriptionIndexTest, TheWholeFilterDecides) {
    index.add(alice, shared({filter_with([&](Filter& filter) {
                  filter.authors = {note->pubkey()};
                  filter.kinds = {1};
                  filter.tags = {{'t', {"c"}}};
              })}));
    EXPECT_EQ(publish(note), 0U);
}

TEST_F(SubscriptionIndexTest, LimitPlaysNoPart) {
    index.add(alice, shared({filter_with([](Filter& filter) { filter.limit = 0; })}));
    EXPECT_EQ(publish(note), 1U);
}

TEST_F(SubscriptionIndexTest, AFilterThatMatchesNothingIsNeverCalled) {
    index.add(alice, shared({filter_with([](Filter& filter) { filter.never = true; })}));
    index.add(bob, shared({filter_with([](Filter& filter) {
                  filter.since = 5;
                  filter.until = 4;
              })}));
    EXPECT_EQ(publish(note), 0U);
    EXPECT_EQ(index.size(), 2U);
}

TEST_F(SubscriptionIndexTest, RemovesOnlyWhoIsThere) {
    index.add(alice, shared({Filter{}}));
    index.remove(bob);
    EXPECT_EQ(index.size(), 1U);
    index.remove(alice);
    index.remove(alice);
    EXPECT_EQ(index.size(), 0U);
    EXPECT_EQ(publish(note), 0U);
}

TEST_F(SubscriptionIndexTest, ARemovedSubscriberCanComeBackWithOtherFilters) {
    index.add(alice, shared({filter_with([](Filter& filter) { filter.kinds = {1}; })}));
    index.remove(alice);
    index.add(alice, shared({filter_with([](Filter& filter) { filter.kinds = {7}; })}));
    EXPECT_EQ(publish(note), 0U);
    EXPECT_EQ(publish(other), 1U);
}

TEST_F(SubscriptionIndexTest, ASubscriberMayRemoveItselfAndOthersWhileCalled) {
    for (auto* subscriber : {&alice, &bob}) {
        index.add(*subscriber, shared({Filter{}}));
        subscriber->then = [this] {
            index.remove(alice);
            index.remove(bob);
        };
    }
    EXPECT_EQ(publish(note), 1U);
    EXPECT_EQ(alice.got.size() + bob.got.size(), 1U);
    EXPECT_EQ(index.size(), 0U);
}

TEST_F(SubscriptionIndexTest, ASubscriberMayAddOthersAndPublishWhileCalled) {
    index.add(alice, shared({Filter{}}));
    bool first = true;
    alice.then = [&] {
        if (!std::exchange(first, false)) return;
        index.add(bob, shared({Filter{}}));
        EXPECT_EQ(publish(other), 2U);
    };
    EXPECT_EQ(publish(note), 1U);
    EXPECT_EQ(alice.got, (std::vector{note->id(), other->id()}));
    EXPECT_EQ(bob.got, std::vector{other->id()});
}

TEST_F(SubscriptionIndexTest, StaysWholeWhenASubscriberThrows) {
    index.add(alice, shared({Filter{}}));
    alice.then = [] { throw std::runtime_error("broken"); };
    EXPECT_THROW(publish(note), std::runtime_error);
    alice.then = nullptr;
    EXPECT_EQ(publish(other), 1U);
}

TEST_F(SubscriptionIndexTest, CallsInPiecesEachOnceAndInOrder) {
    std::vector<RecordingSubscriber> crowd(10);
    for (auto& subscriber : crowd) index.add(subscriber, shared({Filter{}}));
    const Published published{note, base::Position{1}, {}};
    index.begin(published);
    EXPECT_EQ(index.advance(published, 4), 4U);
    EXPECT_TRUE(index.is_publishing());
    EXPECT_EQ(index.advance(published, 4), 4U);
    EXPECT_EQ(index.advance(published, 4), 2U);
    EXPECT_FALSE(index.is_publishing());
    for (auto& subscriber : crowd) {
        EXPECT_EQ(subscriber.got.size(), 1U);
        index.remove(subscriber);
    }
}

TEST_F(SubscriptionIndexTest, BetweenPiecesTheRemovedAndTheAddedAreNotCalled) {
    std::vector<RecordingSubscriber> crowd(3);
    for (auto& subscriber : crowd) index.add(subscriber, shared({Filter{}}));
    const Published published{note, base::Position{1}, {}};
    index.begin(published);
    EXPECT_EQ(index.advance(published, 1), 1U);
    index.remove(crowd[1]);
    index.add(alice, shared({Filter{}}));
    EXPECT_EQ(index.advance(published, 10), 1U);
    EXPECT_FALSE(index.is_publishing());
    EXPECT_TRUE(crowd[1].got.empty());
    EXPECT_TRUE(alice.got.empty());
    EXPECT_EQ(publish(other), 3U) << "the next event finds them all";
    for (auto& subscriber : crowd) index.remove(subscriber);
    index.remove(alice);
}

TEST_F(SubscriptionIndexTest, AgreesWithTheMatcherWhileSubscriptionsComeAndGo) {
    test::EventGenerator generator(50);
    struct Entry {
        RecordingSubscriber subscriber;
        std::shared_ptr<const Filters> filters;
    };
    std::vector<std::unique_ptr<Entry>> entries;
    std::size_t deliveries = 0;
    for (int round = 0; round < 3000; ++round) {
        if (entries.size() < 200 && generator.one_in(2)) {
            auto entry = std::make_unique<Entry>();
            Filters filters;
            for (auto count = 1 + generator.below(4); count > 0; --count) {
                filters.push_back(generator.filter());
            }
            entry->filters = std::make_shared<const Filters>(std::move(filters));
            index.add(entry->subscriber, entry->filters);
            entries.push_back(std::move(entry));
        }
        if (!entries.empty() && generator.one_in(3)) {
            const auto at = generator.below(entries.size());
            index.remove(entries[at]->subscriber);
            std::swap(entries[at], entries.back());
            entries.pop_back();
        }
        ASSERT_EQ(index.size(), entries.size());

        const auto event = generator.event();
        const auto called = publish(event);
        std::size_t expected = 0;
        for (const auto& entry : entries) {
            const bool match = event::matches_any(*entry->filters, event->view());
            ASSERT_EQ(entry->subscriber.got.size(), match ? 1U : 0U) << event->json();
            entry->subscriber.got.clear();
            expected += match ? 1 : 0;
        }
        ASSERT_EQ(called, expected);
        deliveries += called;
    }
    EXPECT_GT(deliveries, 10000U) << "the generator's events and filters do not meet";
    for (const auto& entry : entries) index.remove(entry->subscriber);
    EXPECT_EQ(index.size(), 0U);
    EXPECT_EQ(publish(generator.event()), 0U);
}

}  // namespace
}  // namespace parrhesia::fanout
