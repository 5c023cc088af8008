#include "relay_message.hpp"

#include <cstddef>

namespace parrhesia::bench {
namespace {

void skip_space(std::string_view& text) noexcept {
    while (!text.empty() && (text[0] == ' ' || text[0] == '\n' || text[0] == '\t')) {
        text.remove_prefix(1);
    }
}

bool skip(std::string_view& text, char c) noexcept {
    skip_space(text);
    if (text.empty() || text[0] != c) return false;
    text.remove_prefix(1);
    return true;
}

std::string_view take_string(std::string_view& text) noexcept {
    if (!skip(text, '"')) return {};
    const std::size_t end = text.find('"');
    if (end == std::string_view::npos) return {};
    const std::string_view value = text.substr(0, end);
    text.remove_prefix(end + 1);
    return value;
}

}  // namespace

RelayMessage parse_relay_message(std::string_view text) noexcept {
    using Type = RelayMessage::Type;
    RelayMessage message;
    if (!skip(text, '[')) return message;
    const std::string_view type = take_string(text);
    if (!skip(text, ',')) return message;
    const std::size_t end = text.rfind(']');
    if (end == std::string_view::npos) return message;
    text = text.substr(0, end);
    if (type == "NOTICE") {
        message.type = Type::notice;
        message.rest = text;
        return message;
    }
    message.name = take_string(text);
    if (type == "EOSE") message.type = Type::eose;
    if (!skip(text, ',')) return message;
    skip_space(text);
    message.rest = text;
    if (type == "EVENT") message.type = Type::event;
    if (type == "CLOSED") message.type = Type::closed;
    if (type == "OK") {
        message.type = Type::ok;
        message.is_accepted = text.substr(0, 4) == "true";
        const std::size_t comma = text.find(',');
        message.rest =
            comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
        skip_space(message.rest);
    }
    return message;
}

std::string_view find_event_id(std::string_view event_json) noexcept {
    // Within strings a quote is escaped, so `"id"` followed by a colon can only be a member's name.
    constexpr std::string_view kName = R"("id")";
    for (std::size_t at = event_json.find(kName); at != std::string_view::npos;
         at = event_json.find(kName, at + kName.size())) {
        std::string_view rest = event_json.substr(at + kName.size());
        if (!skip(rest, ':')) continue;
        const std::string_view id = take_string(rest);
        return id.size() == 64 ? id : std::string_view{};
    }
    return {};
}

}  // namespace parrhesia::bench
