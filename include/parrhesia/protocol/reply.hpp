// What the relay says (NIP-01), appended to a buffer as one JSON text. The only place where an
// error turns into the words and the machine-readable prefix that a client reads.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace parrhesia::protocol {

// "invalid: ", "duplicate: ", ... (nips.md section 3), with the blank.
[[nodiscard]] std::string_view prefix_of(base::error_code code) noexcept;
// A word for metrics: the enumerator's name, "error" for foreign categories.
[[nodiscard]] std::string_view reason_label(base::error_code code) noexcept;
// Prefix and text.
[[nodiscard]] std::string to_client(const base::Refusal& refusal);
// Prefix and the category's sentence, where there is no better text.
[[nodiscard]] std::string to_client(base::error_code code);

// ["OK","<id>",<accepted>,"<message>"]; `message` is escaped here.
void append_ok(std::string& out, const event::Id& id, bool accepted, std::string_view message);
// What NIP-67 adds to EOSE: "finish" when every stored match has been sent, "more" when some were
// left out, empty when the relay does not know.
void append_eose(std::string& out, std::string_view escaped_subscription_id,
                 std::string_view hint = {});
// ["AUTH","<challenge>"] (NIP-42).
void append_auth(std::string& out, std::string_view challenge);

// The answer to COUNT (NIP-45).
struct Count {
    std::uint64_t events = 0;
    bool approximate = false;
    std::string hll;  // 512 hex digits; empty: none
};
void append_count(std::string& out, std::string_view escaped_query_id, const Count& count);
void append_closed(std::string& out, std::string_view escaped_subscription_id,
                   std::string_view message);
void append_notice(std::string& out, std::string_view message);

// ["EVENT","<sub>",<json>] in two pieces, so that the shared JSON is copied once, to the socket's
// buffer.
void append_event_head(std::string& out, std::string_view escaped_subscription_id);
inline constexpr std::string_view kEventTail = "]";

// A subscription id as it stands inside a JSON string; made once per subscription.
[[nodiscard]] std::string escape_subscription_id(std::string_view subscription_id);

}  // namespace parrhesia::protocol
