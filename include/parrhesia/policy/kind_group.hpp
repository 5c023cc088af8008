// Kinds that share one rate, as the operator writes them.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/base/token_bucket.hpp"
#include "parrhesia/event/kind.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::policy {

struct KindRange {
    event::Kind first = 0;
    event::Kind last = 0;
    friend bool operator==(const KindRange&, const KindRange&) = default;
};

struct KindGroup {
    std::string name;  // for the texts that clients read
    std::vector<KindRange> kinds;
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
