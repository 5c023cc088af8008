// What every EventStore promises about ScanOptions and Completeness. How a store joins:
// contract_suite.hpp.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/store_testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace parrhesia::test {

using store::Completeness;
using store::ScanBudget;
using store::ScanOptions;

// Shows what is of an even second.
class EvenSeconds final : public event::Visibility {
  public:
    [[nodiscard]] bool shows(const event::EventView& event) const noexcept override {
        return event.created_at() % 2 == 0;
    }
};

template <class Harness>
class ScanOptionsContract : public testing::Test {
  protected:
    void TearDown() override {
        if (!this->HasFatalFailure()) harness.verify();
    }
    EventStore& store() { return harness.store(); }

    // All pages of a scan together, in slices of `slice_rows`.
    ScanPage read(std::vector<Filter> filters, ScanOptions options = {},
                  std::size_t slice_rows = 1000) {
        const auto scan = store().scan(std::move(filters), std::move(options));
        ScanBudget budget;
        budget.max_rows = slice_rows;
        ScanPage all;
        ScanPage page;
        do {
            EXPECT_FALSE(scan->next(budget, page));
            for (store::ScanRow row : page.rows) {
                row.json_offset += static_cast<std::uint32_t>(all.text.size());
                all.rows.push_back(row);
            }
            all.text += page.text;
            all.authors.insert(all.authors.end(), page.authors.begin(), page.authors.end());
        } while (!page.done);
        all.completeness = page.completeness;
        return all;
    }
    static Filter limited(Filter filter, std::uint32_t limit) {
        filter.limit = limit;
        return filter;
    }

    Harness harness;
};
TYPED_TEST_SUITE_P(ScanOptionsContract);

TYPED_TEST_P(ScanOptionsContract, WhatIsNotShownIsNotThere) {
    std::vector<EventPtr> events;
    for (int i = 0; i < 20; ++i) events.push_back(note(100 + i));
    (void)put_all(this->store(), events);
    ScanOptions options;
    options.visibility = std::make_shared<const EvenSeconds>();
    Filter by_ids;
    for (const EventPtr& event : events) by_ids.ids.push_back(event->id());
    by_ids.normalize();

    for (const Filter& filter : {Filter(), kinds_filter({1}), by_ids}) {
        for (const std::size_t slice_rows : {1U, 3U, 1000U}) {
            const ScanPage page = this->read({this->limited(filter, 7)}, options, slice_rows);
            ASSERT_EQ(page.rows.size(), 7U) << "what is hidden uses no limit";
            for (std::size_t i = 0; i < page.rows.size(); ++i) {
                EXPECT_EQ(page.rows[i].created_at, 118 - 2 * static_cast<std::int64_t>(i));
            }
        }
        EXPECT_EQ(this->read({filter}, options).rows.size(), 10U);
    }
}

TYPED_TEST_P(ScanOptionsContract, AuthorsComeInsteadOfTheJson) {
    std::vector<EventPtr> events;
    for (int i = 0; i < 9; ++i) {
        events.push_back(
            make_event("author " + std::to_string(i % 3), {100 + i, 1, {}, std::to_string(i)}));
    }
    (void)put_all(this->store(), events);
    ScanOptions options;
    options.want = ScanOptions::Want::authors;

    const ScanPage page = this->read({Filter()}, options, 2);

    ASSERT_EQ(page.rows.size(), 9U);
    ASSERT_EQ(page.authors.size(), 9U);
    EXPECT_TRUE(page.text.empty());
    for (std::size_t i = 0; i < 9; ++i) {
        EXPECT_EQ(page.authors[i], events[8 - i]->pubkey());
        EXPECT_EQ(page.rows[i].id, events[8 - i]->id());
    }
}

TYPED_TEST_P(ScanOptionsContract, CompletenessIsWhatHasBeenProven) {
    for (int i = 0; i < 11; ++i) (void)put(this->store(), note(100 + i));
    (void)put(this->store(), note(50, 7));
    for (const std::size_t slice_rows : {2U, 1000U}) {
        const auto of = [&](std::vector<Filter> filters) {
            return this->read(std::move(filters), {}, slice_rows).completeness;
        };
        const Filter notes = kinds_filter({1});
        EXPECT_EQ(of({notes}), Completeness::finished);
        EXPECT_EQ(of({this->limited(notes, 12)}), Completeness::finished);
        EXPECT_EQ(of({this->limited(notes, 11)}), Completeness::finished) << "none is left";
        EXPECT_EQ(of({this->limited(notes, 10)}), Completeness::more);
        EXPECT_EQ(of({this->limited(notes, 1)}), Completeness::more);
        EXPECT_EQ(of({this->limited(notes, 0)}), Completeness::unknown);
        EXPECT_EQ(of({kinds_filter({9})}), Completeness::finished);
        EXPECT_EQ(of({notes, kinds_filter({7})}), Completeness::finished);
        EXPECT_EQ(of({this->limited(notes, 10), kinds_filter({7})}), Completeness::unknown)
            << "another filter may have sent what this one left out";
    }
}

TYPED_TEST_P(ScanOptionsContract, WhatIsHiddenIsNotHintedAt) {
    (void)put(this->store(), note(100));
    (void)put(this->store(), note(99));
    ScanOptions options;
    options.visibility = std::make_shared<const EvenSeconds>();
    EXPECT_EQ(this->read({this->limited(Filter(), 1)}, options).completeness,
              Completeness::finished);
}

REGISTER_TYPED_TEST_SUITE_P(ScanOptionsContract, WhatIsNotShownIsNotThere,
                            AuthorsComeInsteadOfTheJson, CompletenessIsWhatHasBeenProven,
                            WhatIsHiddenIsNotHintedAt);

}  // namespace parrhesia::test
