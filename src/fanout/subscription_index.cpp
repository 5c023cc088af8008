#include "parrhesia/fanout/subscription_index.hpp"

#include "parrhesia/base/thread_owner.hpp"

#include "fanout/bucket_key.hpp"
#include "fanout/buckets.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>

namespace parrhesia::fanout {
namespace {

using event::EventView;
using event::Filter;
using event::TagFilter;

// Where a filter waits for events: the field with the fewest values that every match must have. Ids
// before all, for they match once; of authors and tags the shorter list.
struct Choice {
    enum class Field { nowhere, ids, authors, tag, kinds, everything };
    Field field = Field::everything;
    const TagFilter* tag = nullptr;  // for Field::tag
};

Choice choose(const Filter& filter) noexcept {
    using Field = Choice::Field;
    if (filter.never || filter.since > filter.until) return {Field::nowhere, nullptr};
    if (!filter.ids.empty()) return {Field::ids, nullptr};
    const auto shortest = std::min_element(
        filter.tags.begin(), filter.tags.end(),
        [](const auto& a, const auto& b) { return a.values.size() < b.values.size(); });
    const bool has_tag = shortest != filter.tags.end();
    if (!filter.authors.empty() && (!has_tag || filter.authors.size() <= shortest->values.size())) {
        return {Field::authors, nullptr};
    }
    if (has_tag) return {Field::tag, &*shortest};
    if (!filter.kinds.empty()) return {Field::kinds, nullptr};
    return {Field::everything, nullptr};
}

// How many filters wait for a tag of one letter, so that the thousands of `p` tags of a contact
// list are not looked up when no filter wants them of its kind.
class TagInterest {
  public:
    void add(const Filter& filter) {
        if (filter.kinds.empty()) ++any_kind_;
        for (const auto kind : filter.kinds) ++by_kind_[kind];
    }
    void remove(const Filter& filter) noexcept {
        if (filter.kinds.empty()) --any_kind_;
        for (const auto kind : filter.kinds) {
            const auto found = by_kind_.find(kind);
            if (found != by_kind_.end() && --found->second == 0) by_kind_.erase(found);
        }
    }
    [[nodiscard]] bool wants(event::Kind kind) const noexcept {
        return any_kind_ != 0 || (!by_kind_.empty() && by_kind_.contains(kind));
    }

  private:
    std::size_t any_kind_ = 0;
    boost::unordered_flat_map<event::Kind, std::uint32_t> by_kind_;
};

}  // namespace

struct SubscriptionIndex::Impl {
    struct Entry {
        std::uint64_t matched_by = 0;  // number of the last publish that matched
        Subscriber* subscriber = nullptr;
        std::shared_ptr<const std::vector<Filter>> filters;
        std::vector<Place> places;
    };

    base::ThreadOwner owner;
    KeyMaker keys;
    std::vector<Entry> entries;
    std::vector<std::uint32_t> free_entries;
    boost::unordered_flat_map<const Subscriber*, std::uint32_t> entry_of;
    Buckets buckets;
    std::array<TagInterest, 128> tag_interest;
    std::uint64_t publish_number = 0;
    // Subscribers to call, those of the outermost publish() first.
    std::vector<Subscriber*> matched;
    // Those of begin(), up to next_waiting called already.
    std::vector<Subscriber*> waiting;
    std::size_t next_waiting = 0;

    std::uint32_t take_entry() {
        if (free_entries.empty()) {
            entries.emplace_back();
            return static_cast<std::uint32_t>(entries.size() - 1);
        }
        const auto result = free_entries.back();
        free_entries.pop_back();
        return result;
    }

    TagInterest& interest(char name) noexcept {
        return tag_interest[static_cast<unsigned char>(name)];
    }

    void place(std::uint32_t index, std::uint32_t filter_number, std::uint64_t key) {
        auto& places = entries[index].places;
        const auto place_number = static_cast<std::uint32_t>(places.size());
        places.push_back(buckets.add(key, {index, place_number}, filter_number));
    }

    void place_filter(std::uint32_t index, std::uint32_t number, const Filter& filter) {
        const auto choice = choose(filter);
        switch (choice.field) {
            case Choice::Field::nowhere:
                return;
            case Choice::Field::ids:
                for (const auto& id : filter.ids) place(index, number, keys.id(id.view()));
                return;
            case Choice::Field::authors:
                for (const auto& author : filter.authors) {
                    place(index, number,
                          filter.kinds.size() == 1
                              ? keys.author_and_kind(author.view(), filter.kinds.front())
                              : keys.author(author.view()));
                }
                return;
            case Choice::Field::tag:
                interest(choice.tag->name).add(filter);
                for (const auto& value : choice.tag->values) {
                    place(index, number, keys.tag(choice.tag->name, value));
                }
                return;
            case Choice::Field::kinds:
                for (const auto kind : filter.kinds) place(index, number, keys.kind(kind));
                return;
            case Choice::Field::everything:
                place(index, number, Buckets::kEverything);
                return;
        }
    }

    void take_out(std::uint32_t index) noexcept {
        auto& entry = entries[index];
        for (const auto place : entry.places) {
            if (const auto moved = buckets.remove(place)) {
                entries[moved->entry].places[moved->place].position = place.position;
            }
        }
        for (const auto& filter : *entry.filters) {
            const auto choice = choose(filter);
            if (choice.tag != nullptr) interest(choice.tag->name).remove(filter);
        }
        entry = Entry{};
    }

    // Appends to `matched` whom the bucket holds and the event concerns.
    void collect(std::uint64_t key, const EventView& view) {
        for (const auto item : buckets.find(key)) {
            auto& entry = entries[item.entry];
            if (entry.matched_by == publish_number) continue;
            const auto filter_number = entry.places[item.place].filter;
            if (!event::matches((*entry.filters)[filter_number], view)) continue;
            entry.matched_by = publish_number;
            matched.push_back(entry.subscriber);
        }
    }

    void collect_all(const EventView& view) {
        ++publish_number;
        const auto kind = view.kind();
        collect(keys.id(view.id_bytes()), view);
        collect(keys.author(view.pubkey_bytes()), view);
        collect(keys.author_and_kind(view.pubkey_bytes(), kind), view);
        collect(keys.kind(kind), view);
        collect(Buckets::kEverything, view);

        char last_name = 0;
        bool wanted = false;
        for (const auto tag : view.tags()) {
            if (tag.name != last_name) {
                last_name = tag.name;
                wanted = interest(tag.name).wants(kind);
            }
            if (wanted) collect(keys.tag(tag.name, tag.value), view);
        }
    }
};

SubscriptionIndex::SubscriptionIndex() : impl_(std::make_unique<Impl>()) {}
SubscriptionIndex::~SubscriptionIndex() = default;

void SubscriptionIndex::add(Subscriber& subscriber,
                            std::shared_ptr<const std::vector<event::Filter>> filters) {
    impl_->owner.assert_here();
    const auto index = impl_->take_entry();
    [[maybe_unused]] const bool added = impl_->entry_of.emplace(&subscriber, index).second;
    assert(added && "the subscriber is in the index already");

    auto& entry = impl_->entries[index];
    entry.subscriber = &subscriber;
    entry.filters = std::move(filters);
    std::uint32_t number = 0;
    for (const auto& filter : *entry.filters) impl_->place_filter(index, number++, filter);
    entry.places.shrink_to_fit();
}

void SubscriptionIndex::remove(Subscriber& subscriber) noexcept {
    impl_->owner.assert_here();
    const auto found = impl_->entry_of.find(&subscriber);
    if (found == impl_->entry_of.end()) return;
    impl_->take_out(found->second);
    impl_->free_entries.push_back(found->second);
    impl_->entry_of.erase(found);
    for (auto* list : {&impl_->matched, &impl_->waiting}) {
        std::replace(list->begin(), list->end(), &subscriber, static_cast<Subscriber*>(nullptr));
    }
}

std::size_t SubscriptionIndex::publish(const Published& published) {
    impl_->owner.assert_here();
    auto& matched = impl_->matched;
    const auto first = matched.size();
    struct Rewind {
        std::vector<Subscriber*>& list;
        std::size_t size;
        ~Rewind() { list.resize(size); }
    } const rewind{matched, first};

    impl_->collect_all(published.event->view());
    std::size_t called = 0;
    // By position: on_event() may publish or remove, which changes the list behind or within.
    const auto last = matched.size();
    for (auto i = first; i < last; ++i) {
        if (auto* subscriber = matched[i]) {
            subscriber->on_event(published);
            ++called;
        }
    }
    return called;
}

void SubscriptionIndex::begin(const Published& published) {
    impl_->owner.assert_here();
    assert(!is_publishing() && "one event at a time");
    auto& matched = impl_->matched;
    const auto first = matched.size();
    impl_->collect_all(published.event->view());
    impl_->waiting.assign(matched.begin() + static_cast<std::ptrdiff_t>(first), matched.end());
    matched.resize(first);
}

std::size_t SubscriptionIndex::advance(const Published& published, std::size_t max) {
    impl_->owner.assert_here();
    auto& waiting = impl_->waiting;
    std::size_t called = 0;
    while (called < max && impl_->next_waiting < waiting.size()) {
        // Counted before the call: one that throws is not called again.
        if (auto* subscriber = waiting[impl_->next_waiting++]) {
            ++called;
            subscriber->on_event(published);
        }
    }
    if (impl_->next_waiting == waiting.size()) {
        waiting.clear();
        impl_->next_waiting = 0;
    }
    return called;
}

bool SubscriptionIndex::is_publishing() const noexcept { return !impl_->waiting.empty(); }

std::size_t SubscriptionIndex::size() const noexcept { return impl_->entry_of.size(); }

}  // namespace parrhesia::fanout
