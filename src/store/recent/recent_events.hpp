// Events that are durable in the journal and not in the indexes yet: what a query has to look at
// besides them.
//
// They stand in the order of their seqs, in segments that one thread fills and any thread reads
// through a view. There are a few thousand of them at most, so a query compares its filter with
// each; most are refused by the few fields kept beside the event, in one cache line.
#pragma once

#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace parrhesia::store {

// A stored event and its place in the commit order.
struct SequencedEvent {
    event::EventPtr event;
    std::uint64_t seq = 0;
    std::uint64_t replaces = 0;  // seq of the version that this one has taken the place of; 0: none
    // Seqs of the stored events that this one has deleted (NIP-09), sorted; null: none.
    std::shared_ptr<const std::vector<std::uint64_t>> removes = nullptr;
    bool vanishes = false;  // a request to vanish that is honoured (NIP-62)

    // Whether it takes away others than the version it replaces.
    [[nodiscard]] bool acts() const noexcept { return removes != nullptr || vanishes; }
};

// An event and what is compared before its record is looked at.
struct RecentEvent {
    RecentEvent() = default;
    explicit RecentEvent(const SequencedEvent& its_event);

    event::EventPtr event;
    std::int64_t created_at = 0;
    std::uint64_t id = 0;        // its first bytes
    std::uint64_t author = 0;    // the first bytes of the pubkey
    std::uint64_t tag_bits = 0;  // one of 64 for each single-letter tag, by its name and value
    std::uint64_t replaces = 0;
    event::Kind kind = 0;
};

static_assert(sizeof(RecentEvent) == 64, "one cache line each: a query looks at all of them");

// The values of one condition, by their first bytes: most of what is not among them is refused by
// one look at a table that fits into the first-level cache, without a branch that goes either way.
class PrefixSet {
  public:
    template <class Bytes>
    explicit PrefixSet(const std::vector<Bytes>& values) {
        for (const Bytes& value : values) add(value.view());
        finish();
    }
    // No values: no condition.
    [[nodiscard]] bool allows(std::uint64_t prefix) const noexcept {
        if (sorted_.empty()) return true;
        const std::size_t slot = prefix % kSlots;
        if ((table_[slot / 64] >> (slot % 64) & 1) == 0) return false;
        return contains(prefix);
    }

  private:
    static constexpr std::size_t kSlots = 4096;
    void add(std::string_view bytes);
    void finish();
    [[nodiscard]] bool contains(std::uint64_t prefix) const noexcept;

    std::vector<std::uint64_t> sorted_;
    std::array<std::uint64_t, kSlots / 64> table_{};
};

// A filter, prepared for many comparisons. Lifetime: not beyond the filter.
class RecentFilter {
  public:
    explicit RecentFilter(const event::Filter& filter);
    // False: it does not match. Looks at nothing but the entry.
    [[nodiscard]] bool may_match(const RecentEvent& event) const noexcept;
    // The whole truth, from the record.
    [[nodiscard]] bool matches(const RecentEvent& event) const noexcept;

  private:
    const event::Filter& filter_;
    const PrefixSet ids_;
    const PrefixSet authors_;
    std::vector<std::uint64_t> tag_masks_;  // of each tag condition: the bits of all its values
};

// What was there at one moment. Immutable; cheap to copy.
class RecentView {
  public:
    RecentView() = default;

    // The highest seq in it or before it; 0 when there has been none.
    [[nodiscard]] std::uint64_t last_seq() const noexcept { return last_seq_; }

    // Calls visit(seq, const RecentEvent&) for each event from `from` on, in the order of seqs.
    template <class Visit>
    void for_each_from(std::uint64_t from, Visit&& visit) const {
        if (!segments_) return;
        for (const auto& segment : *segments_) {
            for (std::size_t i = 0; i < kSegmentEvents; ++i) {
                const std::uint64_t seq = segment->first_seq + i;
                if (seq > last_seq_) return;
                if (seq >= from) visit(seq, segment->events[i]);
            }
        }
    }

    // The same with const SequencedEvent& for those that act on others: a few, as a rule.
    template <class Visit>
    void for_each_acting_from(std::uint64_t from, Visit&& visit) const {
        if (!acting_) return;
        for (const SequencedEvent& event : *acting_) {
            if (event.seq >= from) visit(event);
        }
    }

  private:
    friend class RecentEvents;
    static constexpr std::size_t kSegmentEvents = 256;
    struct Segment {
        std::uint64_t first_seq = 0;
        std::array<RecentEvent, kSegmentEvents> events;
    };
    using Segments = std::vector<std::shared_ptr<Segment>>;

    std::shared_ptr<const Segments> segments_;
    std::shared_ptr<const std::vector<SequencedEvent>> acting_;  // in the order of seqs
    std::uint64_t last_seq_ = 0;
};

// Threading: append() from one thread at a time; the rest from any thread.
class RecentEvents {
  public:
    // Publishes events, all at once. Their seqs follow each other and those that came before,
    // except after clear().
    void append(std::span<const SequencedEvent> events);
    [[nodiscard]] RecentView view() const;
    // Lets go of the segments with no event beyond `seq`; the others' events stay visible.
    void release(std::uint64_t seq);
    void clear();

  private:
    void add_acting(std::span<const SequencedEvent> events);  // with mutex_ held

    mutable std::mutex mutex_;  // of what the view is made of; held for a few pointers
    RecentView view_;
};

}  // namespace parrhesia::store
