// Kinds that share one rate, as the operator writes them.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/base/token_bucket.hpp"
#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/kind_set.hpp"

#include <string>
#include <string_view>

namespace parrhesia::policy {

struct KindGroup {
    std::string name;  // for the texts that clients read
    event::KindSet kinds;
    base::TokenRate rate;
};

// "likes: kinds=7,9735,1000-1999 per_second=20 burst=200".
// Errors: invalid_event, with the place and what was expected.
[[nodiscard]] base::Checked<KindGroup> parse_kind_group(std::string_view text);

// "20/s burst 200"; "off" is no bound.
// Errors: invalid_event, with what was expected.
[[nodiscard]] base::Checked<base::TokenRate> parse_rate(std::string_view text);
[[nodiscard]] std::string to_string(const base::TokenRate& rate);

// Events of these kinds are signed by a key that was made for them: who sends them is not known by
// their pubkey (NIP-59, Marmot).
[[nodiscard]] constexpr bool has_throwaway_key(event::Kind kind) noexcept {
    return kind == event::kGiftWrap || kind == event::kEphemeralGiftWrap ||
           kind == event::kGroupMessage;
}

}  // namespace parrhesia::policy
