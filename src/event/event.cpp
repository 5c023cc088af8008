#include "parrhesia/event/event.hpp"

#include "event/record.hpp"

namespace parrhesia::event {

using record::load;

IndexedTag IndexedTags::Iterator::operator*() const noexcept {
    return {rest_.front(), rest_.substr(record::kTagHeadBytes, load<std::uint32_t>(rest_, 1))};
}

IndexedTags::Iterator& IndexedTags::Iterator::operator++() noexcept {
    rest_.remove_prefix(record::kTagHeadBytes + load<std::uint32_t>(rest_, 1));
    return *this;
}

namespace {

bool tags_are_well_formed(std::string_view packed) noexcept {
    while (!packed.empty()) {
        if (packed.size() < record::kTagHeadBytes || !record::is_letter(packed.front())) {
            return false;
        }
        const std::size_t value_bytes = load<std::uint32_t>(packed, 1);
        packed.remove_prefix(record::kTagHeadBytes);
        if (value_bytes > packed.size()) return false;
        packed.remove_prefix(value_bytes);
    }
    return true;
}

}  // namespace

std::optional<EventView> EventView::from_record(std::string_view record) noexcept {
    if (record.size() < record::kTagsAt) return std::nullopt;
    if (load<std::uint8_t>(record, 0) != record::kVersion) return std::nullopt;
    const auto flags = load<std::uint8_t>(record, record::kFlagsAt);
    if ((flags & ~record::kProtectedFlag) != 0) return std::nullopt;
    if (load<std::int64_t>(record, record::kCreatedAtAt) < 0) return std::nullopt;
    if (load<std::int64_t>(record, record::kExpirationAt) < 0) return std::nullopt;

    const std::size_t tag_bytes = load<std::uint32_t>(record, record::kTagBytesAt);
    if (tag_bytes > record.size() - record::kTagsAt) return std::nullopt;
    if (!tags_are_well_formed(record.substr(record::kTagsAt, tag_bytes))) return std::nullopt;

    const auto json = record.substr(record::kTagsAt + tag_bytes);
    if (json.size() < 2 || json.front() != '{' || json.back() != '}') return std::nullopt;
    return EventView(record);
}

std::string_view EventView::id_bytes() const noexcept {
    return record_.substr(record::kIdAt, Id::kSize);
}
std::string_view EventView::pubkey_bytes() const noexcept {
    return record_.substr(record::kPubkeyAt, PubKey::kSize);
}
Id EventView::id() const noexcept { return Id::from_raw(id_bytes()); }
PubKey EventView::pubkey() const noexcept { return PubKey::from_raw(pubkey_bytes()); }

std::int64_t EventView::created_at() const noexcept {
    return load<std::int64_t>(record_, record::kCreatedAtAt);
}
Kind EventView::kind() const noexcept { return load<Kind>(record_, record::kKindAt); }
std::int64_t EventView::expiration() const noexcept {
    return load<std::int64_t>(record_, record::kExpirationAt);
}
bool EventView::is_protected() const noexcept {
    return (load<std::uint8_t>(record_, record::kFlagsAt) & record::kProtectedFlag) != 0;
}

IndexedTags EventView::tags() const noexcept {
    return IndexedTags(
        record_.substr(record::kTagsAt, load<std::uint32_t>(record_, record::kTagBytesAt)));
}
std::string_view EventView::json() const noexcept {
    return record_.substr(record::kTagsAt + load<std::uint32_t>(record_, record::kTagBytesAt));
}

std::string_view EventView::identifier() const noexcept {
    for (const auto tag : tags()) {
        if (tag.name == 'd') return tag.value;
    }
    return {};
}

}  // namespace parrhesia::event
