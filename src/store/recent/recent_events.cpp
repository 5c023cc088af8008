#include "store/recent/recent_events.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <iterator>
#include <string_view>

namespace parrhesia::store {
namespace {

[[nodiscard]] std::uint64_t first_bytes(std::string_view bytes) noexcept {
    std::uint64_t result = 0;
    std::memcpy(&result, bytes.data(), sizeof result);
    return result;
}

[[nodiscard]] std::uint64_t tag_bit(char name, std::string_view value) noexcept {
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;  // spreads the name over the high bits
    const std::uint64_t hash =
        (std::hash<std::string_view>()(value) ^ static_cast<unsigned char>(name)) * kOdd;
    return std::uint64_t{1} << (hash >> 58);
}

}  // namespace

RecentEvent::RecentEvent(const SequencedEvent& its_event)
    : event(its_event.event), replaces(its_event.replaces) {
    const event::EventView view = event->view();
    created_at = view.created_at();
    id = first_bytes(view.id_bytes());
    author = first_bytes(view.pubkey_bytes());
    kind = view.kind();
    for (const event::IndexedTag tag : view.tags()) tag_bits |= tag_bit(tag.name, tag.value);
}

void PrefixSet::add(std::string_view bytes) {
    const std::uint64_t prefix = first_bytes(bytes);
    sorted_.push_back(prefix);
    const std::size_t slot = prefix % kSlots;
    table_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void PrefixSet::finish() { std::sort(sorted_.begin(), sorted_.end()); }

bool PrefixSet::contains(std::uint64_t prefix) const noexcept {
    return std::binary_search(sorted_.begin(), sorted_.end(), prefix);
}

RecentFilter::RecentFilter(const event::Filter& filter)
    : filter_(filter), ids_(filter.ids), authors_(filter.authors) {
    for (const event::TagFilter& tag : filter.tags) {
        std::uint64_t mask = 0;
        for (const std::string& value : tag.values) mask |= tag_bit(tag.name, value);
        tag_masks_.push_back(mask);
    }
}

// What lets the fewest pass comes first.
bool RecentFilter::may_match(const RecentEvent& event) const noexcept {
    if (!ids_.allows(event.id) || !authors_.allows(event.author)) return false;
    for (const std::uint64_t mask : tag_masks_) {
        if ((event.tag_bits & mask) == 0) return false;
    }
    if (event.created_at < filter_.since || event.created_at > filter_.until) return false;
    return filter_.kinds.empty() ||
           std::binary_search(filter_.kinds.begin(), filter_.kinds.end(), event.kind);
}

bool RecentFilter::matches(const RecentEvent& event) const noexcept {
    return event::matches(filter_, event.event->view());
}

void RecentEvents::append(std::span<const SequencedEvent> events) {
    if (events.empty()) return;
    std::vector<RecentEvent> entries;  // made before the lock is taken
    entries.reserve(events.size());
    for (const SequencedEvent& event : events) entries.emplace_back(event);

    const std::scoped_lock lock(mutex_);
    // A view's list never changes. The places in its segments behind its last seq may be filled:
    // nobody looks there.
    std::shared_ptr<RecentView::Segments> grown;
    RecentView::Segment* last =
        view_.segments_ && !view_.segments_->empty() ? view_.segments_->back().get() : nullptr;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const std::uint64_t seq = events[i].seq;
        if (last == nullptr || seq - last->first_seq >= RecentView::kSegmentEvents) {
            if (!grown) {
                grown = view_.segments_ ? std::make_shared<RecentView::Segments>(*view_.segments_)
                                        : std::make_shared<RecentView::Segments>();
            }
            grown->push_back(std::make_shared<RecentView::Segment>());
            last = grown->back().get();
            last->first_seq = seq;
        }
        last->events[seq - last->first_seq] = std::move(entries[i]);
    }
    if (grown) view_.segments_ = std::move(grown);
    add_acting(events);
    view_.last_seq_ = events.back().seq;
}

void RecentEvents::add_acting(std::span<const SequencedEvent> events) {
    const auto acts = [](const SequencedEvent& event) { return event.acts(); };
    if (std::none_of(events.begin(), events.end(), acts)) return;
    auto acting = view_.acting_ ? std::make_shared<std::vector<SequencedEvent>>(*view_.acting_)
                                : std::make_shared<std::vector<SequencedEvent>>();
    std::copy_if(events.begin(), events.end(), std::back_inserter(*acting), acts);
    view_.acting_ = std::move(acting);
}

RecentView RecentEvents::view() const {
    const std::scoped_lock lock(mutex_);
    return view_;
}

void RecentEvents::release(std::uint64_t seq) {
    std::shared_ptr<const RecentView::Segments> before;  // destroyed after the lock
    std::shared_ptr<const std::vector<SequencedEvent>> acting_before;
    const std::scoped_lock lock(mutex_);
    if (!view_.segments_) return;
    auto kept = std::make_shared<RecentView::Segments>();
    for (const auto& segment : *view_.segments_) {
        const std::uint64_t end = segment->first_seq + RecentView::kSegmentEvents - 1;
        if (std::min(end, view_.last_seq_) > seq) kept->push_back(segment);
    }
    before = std::move(view_.segments_);
    view_.segments_ = std::move(kept);
    if (!view_.acting_) return;
    std::shared_ptr<std::vector<SequencedEvent>> acting;
    for (const SequencedEvent& event : *view_.acting_) {
        if (event.seq <= seq) continue;
        if (!acting) acting = std::make_shared<std::vector<SequencedEvent>>();
        acting->push_back(event);
    }
    acting_before = std::move(view_.acting_);
    view_.acting_ = std::move(acting);
}

void RecentEvents::clear() {
    const std::scoped_lock lock(mutex_);
    view_ = RecentView();
}

}  // namespace parrhesia::store
