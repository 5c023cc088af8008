#include "store/lmdb/keys.hpp"

namespace parrhesia::store::lmdb {

SortKey SortKey::of(const EventView& event) noexcept {
    const char* id = event.id_bytes().data();
    return {~static_cast<std::uint64_t>(event.created_at()), read_u64(id), read_u64(id + 8)};
}

SortKey SortKey::read(const char* bytes) noexcept {
    return {read_u64(bytes), read_u64(bytes + 8), read_u64(bytes + 16)};
}

void SortKey::write(char* bytes) const noexcept {
    write_u64(bytes, age);
    write_u64(bytes + 8, id_high);
    write_u64(bytes + 16, id_low);
}

KeyBuffer& add_sort(KeyBuffer& key, const SortKey& sort) noexcept {
    std::array<char, SortKey::kSize> bytes;
    sort.write(bytes.data());
    return key.add({bytes.data(), bytes.size()});
}

}  // namespace parrhesia::store::lmdb
