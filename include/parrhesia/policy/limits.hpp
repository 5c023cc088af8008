// What one client may ask for. Pure decisions on values: no sockets, no clock of their own.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace parrhesia::policy {

// The [limits] section of the configuration; every number is also in the NIP-11 document where that
// has a field for it. config/parrhesia.toml documents units and ranges.
struct Limits {
    std::size_t message_bytes = 512 * 1024;  // one websocket message, in either direction
    std::size_t event_bytes = 384 * 1024;    // canonical JSON of one event
    std::size_t event_tags = 5000;           // NIP-02: contact lists of thousands are normal
    std::size_t tag_value_bytes = 1024;      // first value of a single-letter tag
    std::size_t content_characters = 384 * 1024;
    std::size_t subscriptions = 200;               // open at one time on one connection
    std::size_t subscription_id_characters = 64;   // NIP-01's own maximum
    std::size_t filters = 100;                     // in one REQ
    std::size_t filter_items = 5000;               // values in all filters of one REQ
    std::size_t connection_filter_items = 50'000;  // in all open subscriptions, filters included
    std::uint32_t max_limit = 5000;                // clamps a filter's `limit`
    std::uint32_t default_limit = 500;             // for a filter without `limit`
    std::int64_t created_at_future_seconds = 900;
    std::int64_t created_at_past_seconds = 0;  // 0: no bound
    unsigned min_pow_difficulty = 0;           // leading zero bits of an id (NIP-13)
    std::size_t count_events = 100'000;        // COUNT looks at no more and says "approximate"
    std::size_t events_in_flight = 256;        // of one connection, sent and not yet answered
    std::size_t unsent_bytes = 16u << 20;      // waiting for one client to read them
};

// Empty: the event may be stored. The signature is not looked at.
// Errors: too_large, too_many, created_at_out_of_range, expired.
[[nodiscard]] std::optional<base::Refusal> check_event(const event::Event& event,
                                                       const Limits& limits,
                                                       std::int64_t now_unix_seconds);

// Values in all lists of the filters, and one more for each filter, so that empty ones count, too.
[[nodiscard]] std::size_t count_items(const std::vector<event::Filter>& filters) noexcept;

// What a connection has open, not counting what a REQ replaces.
struct OpenSubscriptions {
    std::size_t count = 0;
    std::size_t filter_items = 0;  // as count_items()
};

// Empty: the REQ may run.
// Errors: too_many.
[[nodiscard]] std::optional<base::Refusal> check_req(const std::vector<event::Filter>& filters,
                                                     const OpenSubscriptions& others,
                                                     const Limits& limits);

// Gives every filter the limit it will run with: default_limit where absent, max_limit at most.
void clamp_limits(std::vector<event::Filter>& filters, const Limits& limits) noexcept;

}  // namespace parrhesia::policy
