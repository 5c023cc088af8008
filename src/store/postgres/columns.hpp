// What the columns of the tables hold for an event (schema.cpp).
#pragma once

#include "parrhesia/event/event.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace parrhesia::store::postgres {

// event.author: the first eight bytes of the pubkey (32 bytes).
[[nodiscard]] std::int64_t author_of(std::string_view pubkey) noexcept;
// event.author_kind.
[[nodiscard]] std::int64_t author_kind_of(std::string_view pubkey, event::Kind kind) noexcept;
// event.rank: the lower the id (32 bytes), the higher.
[[nodiscard]] std::int64_t rank_of(std::string_view id) noexcept;
// event_tag.key.
[[nodiscard]] std::int64_t tag_key(char letter, std::string_view value);
// event.tag_keys: sorted, each once.
[[nodiscard]] std::vector<std::int64_t> tag_keys_of(const event::EventView& event);

}  // namespace parrhesia::store::postgres
