// An event, as the relay holds it: one record of bytes, made once from the client's JSON.
//
// The record carries the fields that matching and indexing need, the single-letter tags with their
// first values decoded, and the canonical JSON that every delivery serves. It is also, byte for
// byte, what the stores keep as the event's value (docs/storage.md), so a stored event is matched
// without parsing.
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/event/kind.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace parrhesia::event {

using base::Id;
using base::PubKey;
using base::Signature;

// A tag that filters can ask for: its name is one letter (a-z, A-Z), `value` its first value,
// decoded. `e` and `E` are different tags; further values of a tag are never matched (NIP-01).
struct IndexedTag {
    char name = 0;
    std::string_view value;
};

// Reads the packed tags of a record, in the order of the event.
class IndexedTags {
  public:
    class Iterator {
      public:
        using value_type = IndexedTag;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;
        Iterator() = default;
        explicit Iterator(std::string_view rest) noexcept : rest_(rest) {}
        [[nodiscard]] IndexedTag operator*() const noexcept;
        Iterator& operator++() noexcept;
        void operator++(int) noexcept { ++*this; }
        friend bool operator==(const Iterator& a, const Iterator& b) noexcept {
            return a.rest_.size() == b.rest_.size();
        }

      private:
        std::string_view rest_;
    };

    explicit IndexedTags(std::string_view packed) noexcept : packed_(packed) {}
    [[nodiscard]] Iterator begin() const noexcept { return Iterator(packed_); }
    [[nodiscard]] Iterator end() const noexcept { return Iterator(std::string_view{}); }

  private:
    std::string_view packed_;
};

// A view of a record that somebody else owns (an Event, or a page of the store).
//
// Invariant: the record is well-formed. from_record() checks bytes of doubtful origin (a file).
class EventView {
  public:
    EventView() = default;

    // std::nullopt when `record` is not a record of the version this build writes.
    [[nodiscard]] static std::optional<EventView> from_record(std::string_view record) noexcept;

    [[nodiscard]] std::string_view record() const noexcept { return record_; }
    [[nodiscard]] Id id() const noexcept;
    [[nodiscard]] PubKey pubkey() const noexcept;
    // The same bytes in place: 32 of them, for comparisons on the hot path.
    [[nodiscard]] std::string_view id_bytes() const noexcept;
    [[nodiscard]] std::string_view pubkey_bytes() const noexcept;
    [[nodiscard]] std::int64_t created_at() const noexcept;  // seconds, 0 or more
    [[nodiscard]] Kind kind() const noexcept;
    [[nodiscard]] std::int64_t expiration() const noexcept;  // NIP-40, seconds; 0 = none
    [[nodiscard]] bool is_protected() const noexcept;        // has a tag named "-" (NIP-70)
    // An addressable event without a `d` tag has a virtual ("d", "").
    [[nodiscard]] IndexedTags tags() const noexcept;
    [[nodiscard]] std::string_view json() const noexcept;  // canonical, served as it is

    // The first `d` tag's value, "" when there is none: the address of an addressable event.
    [[nodiscard]] std::string_view identifier() const noexcept;

  private:
    friend class Event;
    explicit EventView(std::string_view record) noexcept : record_(record) {}
    std::string_view record_;
};

// What limits are checked against and the record does not keep.
struct EventShape {
    std::size_t tag_count = 0;
    std::size_t longest_indexed_value_bytes = 0;  // first values of single-letter tags, decoded
    std::size_t content_characters = 0;           // Unicode scalar values, as NIP-11 counts
};

// Owns a record. Immutable after construction, shared between threads by EventPtr.
class Event {
  public:
    // `record` must be well-formed: made by parse_event(), or checked by EventView::from_record().
    Event(std::string record, EventShape shape, Signature signature) noexcept
        : record_(std::move(record)), shape_(shape), signature_(signature) {}
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    [[nodiscard]] EventView view() const noexcept { return EventView(record_); }
    [[nodiscard]] const EventShape& shape() const noexcept { return shape_; }
    [[nodiscard]] const Signature& signature() const noexcept { return signature_; }
    // What it costs to hold it, for queues bounded in bytes.
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return sizeof(Event) + record_.capacity();
    }

    [[nodiscard]] Id id() const noexcept { return view().id(); }
    [[nodiscard]] PubKey pubkey() const noexcept { return view().pubkey(); }
    [[nodiscard]] std::int64_t created_at() const noexcept { return view().created_at(); }
    [[nodiscard]] Kind kind() const noexcept { return view().kind(); }
    [[nodiscard]] std::string_view json() const noexcept { return view().json(); }

  private:
    const std::string record_;
    const EventShape shape_;
    const Signature signature_;
};

using EventPtr = std::shared_ptr<const Event>;

}  // namespace parrhesia::event
