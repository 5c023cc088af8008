// What a client says: ["EVENT",...], ["REQ",...], ["CLOSE",...] (NIP-01), ["COUNT",...] (NIP-45),
// ["AUTH",...] (NIP-42).
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"
#include "parrhesia/event/parse.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parrhesia::protocol {

struct EventMessage {
    event::EventPtr event;  // format and id checked, the signature not
};
struct ReqMessage {
    std::string subscription_id;
    std::vector<event::Filter> filters;  // as sent; at least one
};
struct CloseMessage {
    std::string subscription_id;
};
struct CountMessage {
    std::string query_id;                // of a namespace of its own: a COUNT is no subscription
    std::vector<event::Filter> filters;  // as sent; at least one
};
struct AuthMessage {
    event::EventPtr event;  // format and id checked, the signature not
};

// Why a message was not understood, and where the answer goes: OK when an event's id is readable,
// CLOSED when a subscription id, or a query's, is (and is a string), NOTICE otherwise.
struct BadMessage {
    base::Refusal refusal;
    std::optional<event::Id> event_id;
    std::optional<std::string> subscription_id;
    std::optional<std::string> query_id;
};

using ClientMessage =
    std::variant<EventMessage, ReqMessage, CloseMessage, CountMessage, AuthMessage, BadMessage>;

// Threading: one instance per thread.
class ClientMessageParser {
  public:
    explicit ClientMessageParser(std::size_t max_subscription_id_characters)
        : max_subscription_id_characters_(max_subscription_id_characters) {}

    // Never throws; whatever the bytes, the answer is one of them.
    [[nodiscard]] ClientMessage parse(std::string_view text);

  private:
    event::JsonReader json_;
    const std::size_t max_subscription_id_characters_;
};

}  // namespace parrhesia::protocol
