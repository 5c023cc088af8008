// What the tests of stores share: putting events, reading scans to their end, a naive matcher.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace parrhesia::test {

using base::Errc;
using event::EventDraft;
using event::EventPtr;
using event::Filter;
using event::Id;
using event::Kind;
using event::TagFilter;
using store::EventStore;
using store::PutResult;
using store::PutStatus;
using store::Scan;
using store::ScanBudget;
using store::ScanPage;

using Tags = std::vector<std::vector<std::string>>;

// Differs from every other event, also at the same time by the same author. Threading: any thread.
[[nodiscard]] inline EventPtr note(std::int64_t created_at, Kind kind = 1, Tags tags = {},
                                   std::string_view author = "alice") {
    static std::atomic<int> count = 0;
    EventDraft draft;
    draft.created_at = created_at;
    draft.kind = kind;
    draft.tags = std::move(tags);
    draft.content = "note " + std::to_string(++count);
    return make_event(author, draft);
}

[[nodiscard]] inline PutResult put(EventStore& store, const EventPtr& event) {
    return store.put({&event, 1}).front();
}
[[nodiscard]] inline std::vector<PutResult> put_all(EventStore& store,
                                                    const std::vector<EventPtr>& events) {
    return store.put(events);
}

// The order of results: newest first, then lowest id.
[[nodiscard]] inline bool comes_before(const EventPtr& a, const EventPtr& b) {
    if (a->created_at() != b->created_at()) return a->created_at() > b->created_at();
    return a->id() < b->id();
}

[[nodiscard]] inline std::vector<std::string> json_of(std::vector<EventPtr> events) {
    std::vector<std::string> result;
    for (const EventPtr& event : events) result.emplace_back(event->json());
    return result;
}

// Reads on to the end of a scan. `between` runs before each slice after the first.
template <class Between>
[[nodiscard]] std::vector<std::string> read_all(Scan& scan, const ScanBudget& budget,
                                                Between&& between) {
    std::vector<std::string> result;
    ScanPage page;
    for (;;) {
        const auto error = scan.next(budget, page);
        EXPECT_FALSE(error) << error.message();
        if (error) return result;
        for (const auto& row : page.rows) result.emplace_back(page.json(row));
        EXPECT_LE(page.rows.size(), budget.max_rows);
        if (page.done) return result;
        between();
    }
}

[[nodiscard]] inline std::vector<std::string> query(EventStore& store, std::vector<Filter> filters,
                                                    const ScanBudget& budget = {}) {
    const auto scan = store.scan(std::move(filters));
    return read_all(*scan, budget, [] {});
}
[[nodiscard]] inline std::vector<std::string> query(EventStore& store, const Filter& filter,
                                                    const ScanBudget& budget = {}) {
    return query(store, std::vector<Filter>{filter}, budget);
}

[[nodiscard]] inline Filter kinds_filter(std::vector<Kind> kinds) {
    Filter filter;
    filter.kinds = std::move(kinds);
    filter.normalize();
    return filter;
}
[[nodiscard]] inline Filter tag_filter(char name, std::vector<std::string> values) {
    Filter filter;
    filter.tags.push_back({name, std::move(values)});
    filter.normalize();
    return filter;
}

// The store as NIP-01 tells it, without any index.
class ModelStore {
  public:
    PutStatus put(const EventPtr& event) {
        for (const EventPtr& known : events_) {
            if (known->id() == event->id()) return PutStatus::duplicate;
        }
        const auto kind_class = event::class_of(event->kind());
        if (kind_class == event::KindClass::replaceable ||
            kind_class == event::KindClass::addressable) {
            const std::string identifier(kind_class == event::KindClass::addressable
                                             ? event->view().identifier()
                                             : std::string_view());
            auto& current = current_[{event->kind(), event->pubkey(), identifier}];
            if (current) {
                if (comes_before(current, event)) return PutStatus::superseded;
                std::erase(events_, current);
            }
            current = event;
        }
        events_.push_back(event);
        return PutStatus::stored;
    }

    [[nodiscard]] std::vector<std::string> query(const std::vector<Filter>& filters) const {
        std::vector<EventPtr> sorted = events_;
        std::sort(sorted.begin(), sorted.end(), comes_before);
        std::vector<std::uint64_t> left;
        for (const Filter& filter : filters) left.push_back(filter.limit.value_or(~0U));
        std::vector<EventPtr> result;
        for (const EventPtr& event : sorted) {
            bool wanted = false;
            for (std::size_t i = 0; i < filters.size(); ++i) {
                if (left[i] == 0 || !event::matches(filters[i], event->view())) continue;
                --left[i];
                wanted = true;
            }
            if (wanted) result.push_back(event);
        }
        return json_of(result);
    }
    [[nodiscard]] std::size_t size() const { return events_.size(); }

  private:
    std::vector<EventPtr> events_;
    std::map<std::tuple<Kind, base::PubKey, std::string>, EventPtr> current_;
};

// An event that a store takes.
[[nodiscard]] inline EventPtr storable_event(EventGenerator& generator) {
    for (;;) {
        EventPtr event = generator.event();
        if (!event::is_ephemeral(event->kind())) return event;
    }
}

}  // namespace parrhesia::test
