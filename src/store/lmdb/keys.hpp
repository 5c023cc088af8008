// The keys of the index databases, as docs/storage.md lays them down.
//
// Every ordered index ends in the sort suffix: ~created_at (8 bytes, big-endian, so that the newest
// comes first) and the first 16 bytes of the id (ties by lowest id). 16 bytes of a SHA-256 do not
// collide, so two equal suffixes mean the same event.
#pragma once

#include "parrhesia/event/event.hpp"
#include "parrhesia/event/kind.hpp"

#include "store/rules/keys.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

namespace parrhesia::store::lmdb {

enum class Index : std::uint8_t { id, created_at, author, kind, author_kind, tag, address };
inline constexpr std::size_t kIndexCount = 7;
inline constexpr std::array<const char*, kIndexCount> kIndexNames{
    "id", "created_at", "author", "kind", "author_kind", "tag", "address"};

// Where an event stands in the order of results: ascending is newest first, then lowest id.
struct SortKey {
    static constexpr std::size_t kSize = 24;
    std::uint64_t age = 0;  // ~created_at
    std::uint64_t id_high = 0;
    std::uint64_t id_low = 0;

    friend auto operator<=>(const SortKey&, const SortKey&) = default;

    [[nodiscard]] static SortKey of(const EventView& event) noexcept;
    // The lowest key of this second; the first event of it is at or after this key.
    [[nodiscard]] static SortKey first_of(std::int64_t created_at) noexcept {
        return {~static_cast<std::uint64_t>(created_at), 0, 0};
    }
    // `bytes` holds at least kSize bytes.
    [[nodiscard]] static SortKey read(const char* bytes) noexcept;
    void write(char* bytes) const noexcept;

    [[nodiscard]] std::int64_t created_at() const noexcept {
        return static_cast<std::int64_t>(~age);
    }
};

// The key with the sort suffix behind it.
KeyBuffer& add_sort(KeyBuffer& key, const SortKey& sort) noexcept;

// The bytes stored under an index key: the local_seq; in `tag` also the kind, so that events of
// another kind are skipped without a look at their record.
class IndexValue {
  public:
    IndexValue(Index index, std::uint64_t seq, Kind kind) noexcept {
        write_u64(bytes_.data(), seq);
        write_u16(bytes_.data() + 8, kind);
        size_ = index == Index::tag ? 10 : 8;
    }
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

  private:
    std::array<char, 10> bytes_;
    std::size_t size_;
};

// The key of an event that expires: its expiration (NIP-40) and its seq.
class ExpirationKey {
  public:
    static constexpr std::size_t kSize = 16;
    ExpirationKey(std::int64_t expiration, std::uint64_t seq) noexcept {
        write_u64(bytes_.data(), static_cast<std::uint64_t>(expiration));
        write_u64(bytes_.data() + 8, seq);
    }
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), kSize}; }

  private:
    std::array<char, kSize> bytes_;
};

// Calls visit(Index, std::string_view key) for every index entry of `event`, `id` first. Repeated
// tags give the same entry again.
template <class Visit>
void for_each_entry(const EventView& event, Visit&& visit) {
    const SortKey sort = SortKey::of(event);
    KeyBuffer key;
    const auto emit = [&](Index index) {
        visit(index, key.view());
        key.clear();
    };
    key.add(event.id_bytes());
    emit(Index::id);
    add_sort(key, sort);
    emit(Index::created_at);
    add_sort(key.add(event.pubkey_bytes()), sort);
    emit(Index::author);
    add_sort(key.add_kind(event.kind()), sort);
    emit(Index::kind);
    add_sort(key.add(event.pubkey_bytes()).add_kind(event.kind()), sort);
    emit(Index::author_kind);
    for (const event::IndexedTag tag : event.tags()) {
        add_sort(key.add_letter(tag.name).add_value(tag.value), sort);
        emit(Index::tag);
    }
    if (has_address(event.kind())) {
        const KeyBuffer address = address_key(event);
        visit(Index::address, address.view());
    }
}

}  // namespace parrhesia::store::lmdb
