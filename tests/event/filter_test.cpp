#include "parrhesia/event/filter.hpp"

#include "parrhesia/event/verify.hpp"

#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::event {
namespace {

class FilterTest : public testing::Test {
  protected:
    // A filter made by `change` from an empty one.
    template <class Change>
    [[nodiscard]] bool matched(Change change) const {
        Filter filter;
        change(filter);
        filter.normalize();
        return matches(filter, event->view());
    }
    [[nodiscard]] bool tag_matched(char name, std::vector<std::string> values) const {
        return matched([&](Filter& filter) { filter.tags.push_back({name, std::move(values)}); });
    }

    EventPtr event = test::make_event(
        "author",
        {1000, 7, {{"e", "one", "relay"}, {"t", "first"}, {"t", "second"}, {"P", ""}}, ""});
    EventPtr other = test::make_event("other", {1, 1, {}, ""});
};

TEST_F(FilterTest, AnEmptyFilterMatchesEverything) {
    EXPECT_TRUE(matched([](Filter&) {}));
}

TEST_F(FilterTest, NeverMatchesNothing) {
    EXPECT_FALSE(matched([](Filter& filter) { filter.never = true; }));
}

TEST_F(FilterTest, ValuesOfAListAreAlternatives) {
    EXPECT_TRUE(matched([this](Filter& filter) { filter.ids = {event->id()}; }));
    EXPECT_TRUE(matched([this](Filter& filter) { filter.ids = {other->id(), event->id()}; }));
    EXPECT_FALSE(matched([this](Filter& filter) { filter.ids = {other->id()}; }));
    EXPECT_TRUE(matched([this](Filter& filter) {
        filter.authors = {event->pubkey(), other->pubkey()};
    }));
    EXPECT_FALSE(matched([this](Filter& filter) { filter.authors = {other->pubkey()}; }));
    EXPECT_TRUE(matched([](Filter& filter) { filter.kinds = {9, 7, 1}; }));
    EXPECT_FALSE(matched([](Filter& filter) { filter.kinds = {9, 6, 1}; }));
}

TEST_F(FilterTest, AllConditionsMustHold) {
    EXPECT_TRUE(matched([this](Filter& filter) {
        filter.kinds = {7};
        filter.authors = {event->pubkey()};
    }));
    EXPECT_FALSE(matched([this](Filter& filter) {
        filter.kinds = {1};
        filter.authors = {event->pubkey()};
    }));
    EXPECT_FALSE(matched([this](Filter& filter) {
        filter.kinds = {7};
        filter.authors = {other->pubkey()};
    }));
    EXPECT_FALSE(matched([](Filter& filter) { filter.tags = {{'t', {"first"}}, {'e', {"two"}}}; }));
    EXPECT_TRUE(matched([](Filter& filter) { filter.tags = {{'t', {"first"}}, {'e', {"one"}}}; }));
}

TEST_F(FilterTest, TimeLimitsAreInclusive) {
    const auto window = [this](std::int64_t since, std::int64_t until) {
        return matched([&](Filter& filter) {
            filter.since = since;
            filter.until = until;
        });
    };
    EXPECT_TRUE(window(1000, 1000));
    EXPECT_TRUE(window(0, 1000));
    EXPECT_FALSE(window(1001, 2000));
    EXPECT_FALSE(window(0, 999));
    EXPECT_FALSE(window(1001, 999));
    EXPECT_FALSE(window(0, -1));
}

TEST_F(FilterTest, AnyTagOfTheNameMayMatchByItsFirstValue) {
    EXPECT_TRUE(tag_matched('t', {"second"}));
    EXPECT_TRUE(tag_matched('t', {"third", "first", "fourth"}));
    EXPECT_FALSE(tag_matched('t', {"third"}));
    EXPECT_FALSE(tag_matched('e', {"relay"}));
    EXPECT_FALSE(tag_matched('t', {"firs"})) << "no prefixes";
    EXPECT_FALSE(tag_matched('t', {""}));
    EXPECT_TRUE(tag_matched('P', {""}));
}

TEST_F(FilterTest, TagNamesDifferByCase) {
    EXPECT_FALSE(tag_matched('E', {"one"}));
    EXPECT_FALSE(tag_matched('p', {""}));
}

TEST_F(FilterTest, AnEmptyIdentifierMatchesAddressableEventsWithoutOne) {
    Filter filter;
    filter.tags = {{'d', {""}}};
    EXPECT_TRUE(matches(filter, test::make_event("a", {1, 30023, {}, ""})->view()));
    EXPECT_TRUE(matches(filter, test::make_event("a", {1, 30023, {{"d"}}, ""})->view()));
    EXPECT_FALSE(matches(filter, test::make_event("a", {1, 30023, {{"d", "x"}}, ""})->view()));
    EXPECT_FALSE(matches(filter, test::make_event("a", {1, 1, {}, ""})->view()));
}

TEST_F(FilterTest, LimitPlaysNoPartInMatching) {
    EXPECT_TRUE(matched([](Filter& filter) { filter.limit = 0; }));
}

TEST_F(FilterTest, OneOfSeveralFiltersIsEnough) {
    Filter never;
    never.never = true;
    EXPECT_FALSE(matches_any({}, event->view()));
    EXPECT_FALSE(matches_any({never}, event->view()));
    EXPECT_TRUE(matches_any({never, Filter{}}, event->view()));
}

TEST_F(FilterTest, NormalizeSortsAndDropsDuplicates) {
    Filter filter;
    filter.kinds = {7, 1, 7};
    filter.ids = {event->id(), other->id(), event->id()};
    filter.tags = {{'t', {"b", "a", "b"}}, {'a', {"x"}}};
    filter.normalize();
    EXPECT_EQ(filter.kinds, (std::vector<Kind>{1, 7}));
    EXPECT_EQ(filter.ids.size(), 2U);
    EXPECT_TRUE(std::is_sorted(filter.ids.begin(), filter.ids.end()));
    EXPECT_EQ(filter.tags[0].name, 'a');
    EXPECT_EQ(filter.tags[1].values, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(filter.item_count(), 7U);
    EXPECT_GT(filter.memory_bytes(), sizeof(Filter) + 2 * sizeof(Id));
}

// The rules once more, written for reading and not for speed.
bool naive_match(const Filter& filter, const EventDraft& draft, const Event& event) {
    const auto among = [](const auto& list, const auto& value) {
        return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
    };
    if (filter.never) return false;
    if (!among(filter.ids, event.id()) || !among(filter.authors, event.pubkey()) ||
        !among(filter.kinds, draft.kind)) {
        return false;
    }
    if (draft.created_at < filter.since || draft.created_at > filter.until) return false;
    auto tags = draft.tags;
    const auto named_d = [](const auto& tag) { return tag.front() == "d"; };
    if (class_of(draft.kind) == KindClass::addressable) {
        for (auto& tag : tags) {
            if (named_d(tag) && tag.size() == 1) tag.emplace_back();
        }
        if (std::none_of(tags.begin(), tags.end(), named_d)) tags.push_back({"d", ""});
    }
    return std::all_of(filter.tags.begin(), filter.tags.end(), [&](const TagFilter& wanted) {
        return std::any_of(tags.begin(), tags.end(), [&](const auto& tag) {
            return tag.front() == std::string(1, wanted.name) && tag.size() > 1 &&
                   among(wanted.values, tag[1]);
        });
    });
}

TEST_F(FilterTest, AgreesWithANaiveMatcher) {
    test::EventGenerator generator(30);
    std::vector<std::pair<EventDraft, EventPtr>> events;
    for (int i = 0; i < 300; ++i) {
        auto draft = generator.draft();
        auto made = sign_event(generator.authors()[generator.below(6)], draft);
        events.emplace_back(std::move(draft), std::move(made));
    }
    std::size_t hits = 0;
    for (int i = 0; i < 600; ++i) {
        auto filter = generator.filter();
        if (generator.one_in(10)) {
            filter.ids = {events[generator.below(events.size())].second->id()};
        }
        for (const auto& [draft, made] : events) {
            const bool expected = naive_match(filter, draft, *made);
            ASSERT_EQ(matches(filter, made->view()), expected) << made->json();
            hits += expected ? 1 : 0;
        }
    }
    EXPECT_GT(hits, 1000U) << "the generator's events and filters do not meet";
}

}  // namespace
}  // namespace parrhesia::event
