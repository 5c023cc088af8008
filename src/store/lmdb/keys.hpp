// The keys of the index databases, as docs/storage.md lays them down.
//
// Every ordered index ends in the sort suffix: ~created_at (8 bytes, big-endian, so that the newest
// comes first) and the first 16 bytes of the id (ties by lowest id). 16 bytes of a SHA-256 do not
// collide, so two equal suffixes mean the same event.
#pragma once

#include "parrhesia/event/event.hpp"
#include "parrhesia/event/kind.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

namespace parrhesia::store::lmdb {

using event::EventView;
using event::Kind;

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

[[nodiscard]] std::uint64_t read_u64(const char* bytes) noexcept;  // big-endian
void write_u64(char* bytes, std::uint64_t value) noexcept;
[[nodiscard]] std::uint16_t read_u16(const char* bytes) noexcept;
void write_u16(char* bytes, std::uint16_t value) noexcept;

// A key being built, without the heap.
class KeyBuffer {
  public:
    static constexpr std::size_t kCapacity = 128;  // the longest key is one of `address`, 99 bytes

    KeyBuffer& add(std::string_view bytes) noexcept {
        bytes.copy(bytes_.data() + size_, bytes.size());  // also of no bytes at no address
        size_ += bytes.size();
        return *this;
    }
    KeyBuffer& add_kind(Kind kind) noexcept {
        write_u16(bytes_.data() + size_, kind);
        size_ += 2;
        return *this;
    }
    KeyBuffer& add_letter(char letter) noexcept {
        bytes_[size_++] = letter;
        return *this;
    }
    KeyBuffer& add_sort(const SortKey& key) noexcept {
        key.write(bytes_.data() + size_);
        size_ += SortKey::kSize;
        return *this;
    }
    // A tag value in its bounded, prefix-free form: a range scan of one value never meets another.
    KeyBuffer& add_value(std::string_view value);

    void clear() noexcept { size_ = 0; }
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

  private:
    std::array<char, kCapacity> bytes_;
    std::size_t size_ = 0;
};

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

// The address of a replaceable or addressable event: at most one version of it is stored.
[[nodiscard]] KeyBuffer address_key(Kind kind, std::string_view pubkey,
                                    std::string_view identifier);
// The same from the event. Its kind must be replaceable or addressable.
[[nodiscard]] KeyBuffer address_key(const EventView& event);
[[nodiscard]] bool has_address(Kind kind) noexcept;

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
    key.add_sort(sort);
    emit(Index::created_at);
    key.add(event.pubkey_bytes()).add_sort(sort);
    emit(Index::author);
    key.add_kind(event.kind()).add_sort(sort);
    emit(Index::kind);
    key.add(event.pubkey_bytes()).add_kind(event.kind()).add_sort(sort);
    emit(Index::author_kind);
    for (const event::IndexedTag tag : event.tags()) {
        key.add_letter(tag.name).add_value(tag.value).add_sort(sort);
        emit(Index::tag);
    }
    if (has_address(event.kind())) {
        const KeyBuffer address = address_key(event);
        visit(Index::address, address.view());
    }
}

}  // namespace parrhesia::store::lmdb
