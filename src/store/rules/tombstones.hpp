// What the store remembers of events that are gone, so that they do not come back: deletions
// (NIP-09), requests to vanish (NIP-62), expired versions (NIP-40). docs/storage.md has the keys.
//
// Tombstones are never removed, and are no events.
#pragma once

#include "parrhesia/event/tags.hpp"

#include "store/recent/recent_events.hpp"
#include "store/rules/keys.hpp"
#include "store/rules/replacement.hpp"
#include "store/rules/vanish.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::store {

// `signer` has asked for the deletion of the event: its author, or a recipient of this gift wrap.
[[nodiscard]] KeyBuffer deleted_id_key(std::string_view id, std::string_view signer);
// The versions of this address (address_key()) up to a time are deleted.
[[nodiscard]] KeyBuffer deleted_address_key(std::string_view address);
// A version of this address has expired and is gone; only newer ones may follow.
[[nodiscard]] KeyBuffer expired_version_key(std::string_view address);
// All that this author has made up to a time is deleted.
[[nodiscard]] KeyBuffer vanished_key(std::string_view pubkey);
// This gift wrap to one who has vanished is deleted.
[[nodiscard]] KeyBuffer vanished_wrap_key(std::string_view id, std::string_view pubkey);
// No tombstone: a request to vanish whose events are not all removed yet.
inline constexpr char kVanishWork = 'V';
[[nodiscard]] KeyBuffer vanish_work_key(std::string_view pubkey);

// The value of a tombstone that has a time.
[[nodiscard]] std::array<char, 8> tombstone_value(std::int64_t time) noexcept;
[[nodiscard]] std::optional<std::int64_t> read_tombstone_value(std::string_view value) noexcept;
[[nodiscard]] std::string version_value(const Version& version);
[[nodiscard]] std::optional<Version> read_version_value(std::string_view value) noexcept;
[[nodiscard]] std::string vanish_work_value(const Vanish& vanish);
[[nodiscard]] std::optional<Vanish> read_vanish_work(std::string_view key,
                                                     std::string_view value) noexcept;

// Whether it is an entry of the database of tombstones at all.
[[nodiscard]] bool is_tombstone(std::string_view key, std::string_view value) noexcept;

struct Tombstone {
    std::string key;
    std::int64_t time = 0;  // of two with the same key the later one counts
};

// What a deletion or an honoured request to vanish leaves for good, by its own words alone: also
// for events that the store has never had. Others leave none.
[[nodiscard]] std::vector<Tombstone> tombstones_of(const SequencedEvent& event);

// The key of the address that an `a` tag names, if `signer` may delete it: its own.
[[nodiscard]] std::optional<KeyBuffer> own_address_key(std::string_view tag_value,
                                                       std::string_view signer);

// NIP-09: whether a deletion by `signer` (32 bytes) removes this event. Deletions and requests to
// vanish cannot be deleted; gift wraps can, by those they are for (NIP-59).
[[nodiscard]] bool may_delete(std::string_view signer, const EventView& target);

// Calls visit(std::string_view pubkey) with the 32 bytes of each key that the event p-tags.
template <class Visit>
void for_each_recipient(const EventView& event, Visit&& visit) {
    for (const event::IndexedTag tag : event.tags()) {
        if (tag.name != 'p') continue;
        if (const auto pubkey = base::parse_hex<base::PubKey>(tag.value)) visit(pubkey->view());
    }
}

}  // namespace parrhesia::store
