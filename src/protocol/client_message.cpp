#include "parrhesia/protocol/client_message.hpp"

#include "parrhesia/event/quote.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

namespace parrhesia::protocol {
namespace {

namespace dom = simdjson::dom;
using base::Errc;

// A bad subscription id is handed back for CLOSED up to this size; what is longer gets a NOTICE, so
// that an answer is never much longer than what it answers.
constexpr std::size_t kMaxEchoedIdBytes = 256;

BadMessage bad(Errc code, std::string text) { return {{code, std::move(text)}, {}, {}, {}}; }

// `text` is UTF-8: every byte that continues no sequence begins a character.
std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
    }));
}

// The elements of one message after its verb.
class Arguments {
  public:
    Arguments(dom::array::iterator next, dom::array::iterator end) : next_(next), end_(end) {}
    [[nodiscard]] std::optional<dom::element> take() {
        if (next_ == end_) return std::nullopt;
        const dom::element result = *next_;
        ++next_;
        return result;
    }

  private:
    dom::array::iterator next_;
    dom::array::iterator end_;
};

// EVENT and AUTH: one event, which is answered by OK.
template <class Message>
ClientMessage read_event(std::string_view verb, Arguments arguments) {
    const auto element = arguments.take();
    // AUTH with a string is the relay's own form of it.
    const bool is_event = element && (verb != "AUTH" || element->is_object());
    if (!is_event) {
        return bad(Errc::malformed_message, fmt::format("{} message has no event", verb));
    }
    auto event = event::parse_event(*element);
    if (!event) return BadMessage{event.error(), event::claimed_id(*element), {}, {}};
    return Message{*std::move(event)};
}

// The subscription id, or why it is none.
std::variant<std::string, BadMessage> read_subscription_id(std::string_view verb,
                                                           Arguments& arguments,
                                                           std::size_t max_characters) {
    const auto element = arguments.take();
    std::string_view text;
    if (!element || element->get(text) != simdjson::SUCCESS) {
        return bad(Errc::invalid_subscription_id,
                   fmt::format("{} message has no subscription id, which must be a string", verb));
    }
    const auto characters = count_characters(text);
    if (characters != 0 && characters <= max_characters) return std::string(text);

    auto refused = bad(Errc::invalid_subscription_id,
                       fmt::format("subscription id has {} characters, it must have 1 to {}",
                                   characters, max_characters));
    if (text.size() <= kMaxEchoedIdBytes) refused.subscription_id = std::string(text);
    return refused;
}

// REQ and COUNT: an id and filters. CLOSED goes to the member `closed_id` of BadMessage.
template <class Message>
ClientMessage read_query(std::string_view verb, Arguments arguments, std::size_t max_id_characters,
                         std::optional<std::string> BadMessage::*closed_id) {
    auto id = read_subscription_id(verb, arguments, max_id_characters);
    if (auto* refused = std::get_if<BadMessage>(&id)) {
        std::swap(refused->subscription_id, refused->*closed_id);
        return std::move(*refused);
    }
    Message result{std::get<std::string>(std::move(id)), {}};
    const auto refuse = [&](base::Refusal refusal) {
        BadMessage refused{std::move(refusal), {}, {}, {}};
        // The id is the first member of both messages.
        auto& [its_id, its_filters] = result;
        refused.*closed_id = std::move(its_id);
        return refused;
    };
    while (const auto element = arguments.take()) {
        auto filter = event::parse_filter(*element);
        if (!filter) return refuse(filter.error());
        result.filters.push_back(*std::move(filter));
    }
    if (result.filters.empty()) {
        return refuse({Errc::invalid_filter,
                       fmt::format("{} message has no filter; {{}} asks for all", verb)});
    }
    return result;
}

ClientMessage read_close(Arguments arguments, std::size_t max_id_characters) {
    auto id = read_subscription_id("CLOSE", arguments, max_id_characters);
    if (auto* refused = std::get_if<BadMessage>(&id)) return std::move(*refused);
    return CloseMessage{std::get<std::string>(std::move(id))};
}

}  // namespace

ClientMessage ClientMessageParser::parse(std::string_view text) {
    const auto root = json_.document(text);
    if (!root) return BadMessage{root.error(), {}, {}, {}};

    dom::array message;
    if (root->get(message) != simdjson::SUCCESS) {
        return bad(Errc::malformed_message, "message is not a JSON array");
    }
    Arguments arguments(message.begin(), message.end());
    const auto first = arguments.take();
    std::string_view verb;
    if (!first || first->get(verb) != simdjson::SUCCESS) {
        return bad(Errc::malformed_message, "message does not begin with its type, a string");
    }
    const std::size_t max_id = max_subscription_id_characters_;
    if (verb == "EVENT") return read_event<EventMessage>(verb, arguments);
    if (verb == "REQ") {
        return read_query<ReqMessage>(verb, arguments, max_id, &BadMessage::subscription_id);
    }
    if (verb == "COUNT") {
        return read_query<CountMessage>(verb, arguments, max_id, &BadMessage::query_id);
    }
    if (verb == "AUTH") return read_event<AuthMessage>(verb, arguments);
    if (verb == "CLOSE") return read_close(arguments, max_id);
    return bad(Errc::malformed_message,
               fmt::format("message type {} is not known to this relay", event::quoted(verb)));
}

}  // namespace parrhesia::protocol
