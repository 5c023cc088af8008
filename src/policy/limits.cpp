#include "parrhesia/policy/limits.hpp"

#include "parrhesia/event/visibility.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace parrhesia::policy {
namespace {

using base::Errc;
using base::Refusal;

std::optional<Refusal> check_time(std::int64_t created_at, const Limits& limits, std::int64_t now) {
    const auto ahead = created_at - now;  // cannot overflow: neither is negative
    if (ahead > limits.created_at_future_seconds) {
        return Refusal{Errc::created_at_out_of_range,
                       fmt::format("created_at is {} seconds in the future, at most {} are allowed",
                                   ahead, limits.created_at_future_seconds)};
    }
    if (limits.created_at_past_seconds != 0 && -ahead > limits.created_at_past_seconds) {
        return Refusal{Errc::created_at_out_of_range,
                       fmt::format("created_at is {} seconds in the past, at most {} are allowed",
                                   -ahead, limits.created_at_past_seconds)};
    }
    return std::nullopt;
}

}  // namespace

std::optional<Refusal> check_event(const event::Event& event, const Limits& limits,
                                   std::int64_t now_unix_seconds) {
    if (const auto bytes = event.json().size(); bytes > limits.event_bytes) {
        return Refusal{Errc::too_large, fmt::format("event has {} bytes, at most {} are allowed",
                                                    bytes, limits.event_bytes)};
    }
    const auto& shape = event.shape();
    if (shape.tag_count > limits.event_tags) {
        return Refusal{Errc::too_many, fmt::format("event has {} tags, at most {} are allowed",
                                                   shape.tag_count, limits.event_tags)};
    }
    if (shape.longest_indexed_value_bytes > limits.tag_value_bytes) {
        return Refusal{
            Errc::too_large,
            fmt::format("a single-letter tag has a value of {} bytes, at most {} are allowed",
                        shape.longest_indexed_value_bytes, limits.tag_value_bytes)};
    }
    if (shape.content_characters > limits.content_characters) {
        return Refusal{Errc::too_large,
                       fmt::format("content has {} characters, at most {} are allowed",
                                   shape.content_characters, limits.content_characters)};
    }
    if (event::has_expired(event.view(), now_unix_seconds)) {
        return Refusal{Errc::expired, fmt::format("the event expired {} seconds ago",
                                                  now_unix_seconds - event.view().expiration())};
    }
    return check_time(event.created_at(), limits, now_unix_seconds);
}

std::size_t count_items(const std::vector<event::Filter>& filters) noexcept {
    std::size_t items = filters.size();
    for (const auto& filter : filters) items += filter.item_count();
    return items;
}

std::optional<Refusal> check_req(const std::vector<event::Filter>& filters,
                                 const OpenSubscriptions& others, const Limits& limits) {
    if (others.count >= limits.subscriptions) {
        return Refusal{
            Errc::too_many,
            fmt::format("connection has {} open subscriptions, at most {} are allowed; close one",
                        others.count, limits.subscriptions)};
    }
    if (filters.size() > limits.filters) {
        return Refusal{Errc::too_many, fmt::format("REQ has {} filters, at most {} are allowed",
                                                   filters.size(), limits.filters)};
    }
    const std::size_t items = count_items(filters) - filters.size();
    if (items > limits.filter_items) {
        return Refusal{Errc::too_many,
                       fmt::format("REQ has {} values in its filters, at most {} are allowed",
                                   items, limits.filter_items)};
    }
    const std::size_t together = others.filter_items + count_items(filters);
    if (together > limits.connection_filter_items) {
        return Refusal{
            Errc::too_many,
            fmt::format(
                "connection would have {} filters and values in its subscriptions, at most {} "
                "are allowed; close one",
                together, limits.connection_filter_items)};
    }
    return std::nullopt;
}

void clamp_limits(std::vector<event::Filter>& filters, const Limits& limits) noexcept {
    for (auto& filter : filters) {
        filter.limit = std::min(filter.limit.value_or(limits.default_limit), limits.max_limit);
    }
}

}  // namespace parrhesia::policy
