// Any bytes come from a peer: cut into frames and read as every payload, without leaving the input,
// and what is understood is written again as it came.
#include "parrhesia/protocol/peer_frame.hpp"
#include "parrhesia/protocol/peer_message.hpp"

#include "expect.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parrhesia::protocol {
namespace {

// What follows the known fields are extensions, which are not written again.
template <class Parsed, class Encode>
void check_again(const Parsed& parsed, std::string_view payload, Encode encode) {
    if (!parsed) return;
    const std::string again = encode(*parsed);
    PARRHESIA_EXPECT(payload.substr(0, again.size()) == again);
}

void check_batch(std::string_view payload) {
    const auto batch = parse_event_batch(payload);
    if (!batch) return;
    std::string again;
    append_batch_head(again, batch->head);
    PARRHESIA_EXPECT(batch->events.size() == batch->head.events);
    std::size_t size = again.size();
    for (const BatchedEvent& event : batch->events) {
        PARRHESIA_EXPECT(event.json.empty() || (event.json.data() >= payload.data() &&
                                                event.json.data() + event.json.size() <=
                                                    payload.data() + payload.size()));
        size += encode_batched_event(event.id, event.position, event.json).size();
    }
    PARRHESIA_EXPECT(size == payload.size());
}

void check_payload(PeerFrameType type, std::string_view payload) {
    switch (type) {
        case PeerFrameType::hello:
            return check_again(parse_hello(payload), payload, encode_hello);
        case PeerFrameType::hello_ack:
            static_cast<void>(authenticated_part(payload));
            return check_again(parse_hello_ack(payload), payload, encode_hello_ack);
        case PeerFrameType::auth:
            return check_again(parse_auth(payload), payload, encode_auth);
        case PeerFrameType::auth_ok:
            return;
        case PeerFrameType::error:
            return check_again(parse_error(payload), payload, encode_error);
        case PeerFrameType::peers:
            return check_again(parse_peers(payload), payload, encode_peers);
        case PeerFrameType::heartbeat:
            return check_again(parse_heartbeat(payload), payload, encode_heartbeat);
        case PeerFrameType::event_batch:
            return check_batch(payload);
        case PeerFrameType::gap:
            return check_again(parse_gap(payload), payload, encode_gap);
        case PeerFrameType::ack:
            return check_again(parse_ack(payload), payload, encode_ack);
        case PeerFrameType::goodbye:
            return check_again(parse_goodbye(payload), payload, encode_goodbye);
    }
}

void read_frames(bool checksums, bool established, std::size_t piece, std::string_view input) {
    PeerFrameReader reader(checksums);
    if (established) reader.allow(1u << 20);
    while (!input.empty()) {
        const std::string_view part = input.substr(0, piece);
        input.remove_prefix(part.size());
        reader.append({reinterpret_cast<const std::uint8_t*>(part.data()), part.size()});
        while (const auto frame = reader.next()) check_payload(frame->type, frame->payload);
    }
}

}  // namespace
}  // namespace parrhesia::protocol

// The first byte says how: 0 to 15 as a stream of frames, above as one payload of type 1, 2, ...
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace protocol = parrhesia::protocol;
    if (size < 2) return 0;
    const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
    if (data[0] < 16) {
        const std::size_t piece = std::max<std::size_t>(data[1], 1);
        protocol::read_frames((data[0] & 1) != 0, (data[0] & 2) != 0, piece, rest);
    } else {
        protocol::check_payload(static_cast<protocol::PeerFrameType>(data[0] - 15), rest);
    }
    return 0;
}
