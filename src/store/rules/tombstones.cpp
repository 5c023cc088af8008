#include "store/rules/tombstones.hpp"

namespace parrhesia::store {
namespace {

constexpr std::size_t kKeyBytes = 32;  // of an id or a pubkey

[[nodiscard]] KeyBuffer key_of(char letter, std::string_view first, std::string_view second = {}) {
    KeyBuffer key;
    key.add_letter(letter).add(first).add(second);
    return key;
}

}  // namespace

KeyBuffer deleted_id_key(std::string_view id, std::string_view signer) {
    return key_of('e', id, signer);
}
KeyBuffer deleted_address_key(std::string_view address) { return key_of('a', address); }
KeyBuffer expired_version_key(std::string_view address) { return key_of('s', address); }
KeyBuffer vanished_key(std::string_view pubkey) { return key_of('v', pubkey); }
KeyBuffer vanished_wrap_key(std::string_view id, std::string_view pubkey) {
    return key_of('w', id, pubkey);
}
KeyBuffer vanish_work_key(std::string_view pubkey) { return key_of(kVanishWork, pubkey); }

std::array<char, 8> tombstone_value(std::int64_t time) noexcept {
    std::array<char, 8> value;
    write_u64(value.data(), static_cast<std::uint64_t>(time));
    return value;
}

std::optional<std::int64_t> read_tombstone_value(std::string_view value) noexcept {
    if (value.size() != 8) return std::nullopt;
    return static_cast<std::int64_t>(read_u64(value.data()));
}

std::string version_value(const Version& version) {
    const std::array<char, 8> time = tombstone_value(version.created_at);
    std::string value(time.data(), time.size());
    value.append(version.id.view());
    return value;
}

std::optional<Version> read_version_value(std::string_view value) noexcept {
    if (value.size() != 8 + kKeyBytes) return std::nullopt;
    Version version;
    version.created_at = static_cast<std::int64_t>(read_u64(value.data()));
    version.id = event::Id::from_raw(value.substr(8));
    return version;
}

std::string vanish_work_value(const Vanish& vanish) {
    std::string value(16, '\0');
    write_u64(value.data(), static_cast<std::uint64_t>(vanish.until));
    write_u64(value.data() + 8, vanish.seq);
    return value;
}

std::optional<Vanish> read_vanish_work(std::string_view key, std::string_view value) noexcept {
    if (key.size() != 1 + kKeyBytes || key.front() != kVanishWork || value.size() != 16) {
        return std::nullopt;
    }
    Vanish vanish;
    vanish.author = base::PubKey::from_raw(key.substr(1));
    vanish.until = static_cast<std::int64_t>(read_u64(value.data()));
    vanish.seq = read_u64(value.data() + 8);
    return vanish;
}

bool is_tombstone(std::string_view key, std::string_view value) noexcept {
    if (key.empty()) return false;
    switch (key.front()) {
        case 'e':
        case 'w':
            return key.size() == 1 + 2 * kKeyBytes && read_tombstone_value(value);
        case 'a':
            return read_tombstone_value(value).has_value();
        case 's':
            return read_version_value(value).has_value();
        case 'v':
            return key.size() == 1 + kKeyBytes && read_tombstone_value(value);
        case kVanishWork:
            return read_vanish_work(key, value).has_value();
        default:
            return false;
    }
}

std::vector<Tombstone> tombstones_of(const SequencedEvent& event) {
    std::vector<Tombstone> result;
    const EventView view = event.event->view();
    if (event.vanishes) {
        result.push_back(
            {std::string(vanished_key(view.pubkey_bytes()).view()), view.created_at()});
    }
    if (view.kind() != event::kDeletion) return result;
    for (const event::IndexedTag tag : view.tags()) {
        if (tag.name == 'e') {
            const auto id = base::parse_hex<event::Id>(tag.value);
            if (!id) continue;
            const KeyBuffer key = deleted_id_key(id->view(), view.pubkey_bytes());
            result.push_back({std::string(key.view()), view.created_at()});
        } else if (tag.name == 'a') {
            const auto address = own_address_key(tag.value, view.pubkey_bytes());
            if (!address) continue;
            const KeyBuffer key = deleted_address_key(address->view());
            result.push_back({std::string(key.view()), view.created_at()});
        }
    }
    return result;
}

std::optional<KeyBuffer> own_address_key(std::string_view tag_value, std::string_view signer) {
    const auto address = event::parse_address(tag_value);
    if (!address || address->pubkey.view() != signer) return std::nullopt;
    return address_key(address->kind, signer, address->identifier);
}

bool may_delete(std::string_view signer, const EventView& target) {
    if (target.kind() == event::kDeletion || target.kind() == event::kVanish) return false;
    if (target.pubkey_bytes() == signer) return true;
    if (target.kind() != event::kGiftWrap) return false;
    bool is_recipient = false;
    for_each_recipient(target, [&](std::string_view recipient) {
        is_recipient = is_recipient || recipient == signer;
    });
    return is_recipient;
}

}  // namespace parrhesia::store
