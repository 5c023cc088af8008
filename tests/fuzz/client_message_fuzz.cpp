// Any bytes are a client's message: one of the four answers, and what is sent back is valid JSON.
#include "parrhesia/event/parse.hpp"
#include "parrhesia/event/tags.hpp"
#include "parrhesia/protocol/client_message.hpp"
#include "parrhesia/protocol/reply.hpp"

#include "expect.hpp"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace parrhesia {
namespace {

constexpr std::size_t kMaxSubscriptionIdCharacters = 64;

event::JsonReader& reader() {
    static event::JsonReader instance;
    return instance;
}

// The served form of an event says the same event again.
void check(const protocol::EventMessage& message) {
    const auto again = reader().event(message.event->json());
    PARRHESIA_EXPECT(again.has_value());
    PARRHESIA_EXPECT((*again)->id() == message.event->id());
    PARRHESIA_EXPECT((*again)->view().record() == message.event->view().record());
    PARRHESIA_EXPECT((*again)->signature() == message.event->signature());
    PARRHESIA_EXPECT(event::EventView::from_record(message.event->view().record()).has_value());
}

void check_subscription_id(std::string_view id) {
    std::string eose;
    protocol::append_eose(eose, protocol::escape_subscription_id(id));
    PARRHESIA_EXPECT(reader().document(eose).has_value());
}

void check(const protocol::ReqMessage& message) {
    PARRHESIA_EXPECT(!message.filters.empty());
    PARRHESIA_EXPECT(!message.subscription_id.empty());
    PARRHESIA_EXPECT(message.subscription_id.size() <= 4 * kMaxSubscriptionIdCharacters);
    check_subscription_id(message.subscription_id);
}

void check(const protocol::CountMessage& message) {
    PARRHESIA_EXPECT(!message.filters.empty());
    std::string answer;
    protocol::append_count(answer, protocol::escape_subscription_id(message.query_id), {});
    PARRHESIA_EXPECT(reader().document(answer).has_value());
}

void check(const protocol::AuthMessage& message) {
    check(protocol::EventMessage{message.event});
    PARRHESIA_EXPECT(event::tags_of(message.event->view()).size() ==
                     message.event->shape().tag_count);
}

void check(const protocol::CloseMessage& message) {
    check_subscription_id(message.subscription_id);
}

void check(const protocol::BadMessage& message) {
    const auto reason = protocol::to_client(message.refusal);
    PARRHESIA_EXPECT(!protocol::prefix_of(message.refusal.code).empty());
    std::string answer;
    if (message.event_id) {
        protocol::append_ok(answer, *message.event_id, false, reason);
    } else if (message.subscription_id) {
        protocol::append_closed(answer, protocol::escape_subscription_id(*message.subscription_id),
                                reason);
    } else if (message.query_id) {
        protocol::append_closed(answer, protocol::escape_subscription_id(*message.query_id),
                                reason);
    } else {
        protocol::append_notice(answer, reason);
    }
    PARRHESIA_EXPECT(reader().document(answer).has_value());
    // A small message must not be answered by a large one.
    PARRHESIA_EXPECT(answer.size() < 4096);
}

}  // namespace
}  // namespace parrhesia

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static parrhesia::protocol::ClientMessageParser parser(parrhesia::kMaxSubscriptionIdCharacters);
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::visit([](const auto& message) { parrhesia::check(message); }, parser.parse(text));
    return 0;
}
