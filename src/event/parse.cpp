#include "parrhesia/event/parse.hpp"

#include "event/record.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <limits>

namespace parrhesia::event {
namespace {

namespace dom = simdjson::dom;
using base::Errc;
using base::Refusal;

enum Field : std::size_t { id, pubkey, created_at, kind, tags, content, sig, field_count };
constexpr std::array<std::string_view, field_count> kFieldNames = {
    "id", "pubkey", "created_at", "kind", "tags", "content", "sig"};

constexpr auto kMaxTime = std::numeric_limits<std::int64_t>::max();

using Fields = std::array<std::optional<dom::element>, field_count>;

Refusal invalid(std::string text) { return {Errc::invalid_event, std::move(text)}; }

// Unknown names are passed over, as they are in no id.
std::optional<Refusal> collect(const dom::object& object, Fields& fields) {
    for (const auto [name, value] : object) {
        for (std::size_t field = 0; field < field_count; ++field) {
            if (name != kFieldNames[field]) continue;
            if (fields[field]) {
                return invalid(fmt::format("event has the field \"{}\" twice", name));
            }
            fields[field] = value;
            break;
        }
    }
    for (std::size_t field = 0; field < field_count; ++field) {
        if (!fields[field]) {
            return invalid(fmt::format("event lacks the field \"{}\"", kFieldNames[field]));
        }
    }
    return std::nullopt;
}

template <class Bytes>
std::optional<Refusal> read_hex(const Fields& fields, Field field, Bytes& out) {
    std::string_view text;
    if (fields[field]->get(text) == simdjson::SUCCESS && base::from_hex(text, out.bytes)) {
        return std::nullopt;
    }
    return invalid(fmt::format("event field \"{}\" must be a string of {} lowercase hex digits",
                               kFieldNames[field], 2 * Bytes::kSize));
}

std::optional<Refusal> read_integer(const Fields& fields, Field field, std::int64_t max,
                                    std::int64_t& out) {
    if (fields[field]->get(out) == simdjson::SUCCESS && out >= 0 && out <= max) {
        return std::nullopt;
    }
    return invalid(
        fmt::format("event field \"{}\" must be an integer from 0 to {}", kFieldNames[field], max));
}

std::optional<Refusal> read_tags(const dom::element& element, record::Builder& builder) {
    dom::array all;
    if (element.get(all) != simdjson::SUCCESS) {
        return invalid("event field \"tags\" must be an array of arrays of strings");
    }
    std::size_t position = 0;
    for (const auto tag : all) {
        dom::array values;
        if (tag.get(values) != simdjson::SUCCESS) {
            return invalid(fmt::format("event field \"tags\": tag {} is not an array", position));
        }
        builder.begin_tag();
        bool named = false;
        for (const auto value : values) {
            std::string_view text;
            if (value.get(text) != simdjson::SUCCESS) {
                return invalid(fmt::format(
                    "event field \"tags\": tag {} has a value that is not a string", position));
            }
            builder.add_value(text);
            named = true;
        }
        if (!named) {
            return invalid(fmt::format("event field \"tags\": tag {} is empty", position));
        }
        builder.end_tag();
        ++position;
    }
    return std::nullopt;
}

}  // namespace

base::Checked<EventPtr> parse_event(const dom::element& element) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return invalid("event is not a JSON object");

    Fields fields;
    if (auto refusal = collect(object, fields)) return *std::move(refusal);

    Id claimed;
    Signature signature;
    record::Head head;
    std::int64_t kind_number = 0;
    if (auto refusal = read_hex(fields, Field::id, claimed)) return *std::move(refusal);
    if (auto refusal = read_hex(fields, Field::pubkey, head.pubkey)) return *std::move(refusal);
    if (auto refusal = read_hex(fields, Field::sig, signature)) return *std::move(refusal);
    if (auto refusal = read_integer(fields, Field::created_at, kMaxTime, head.created_at)) {
        return *std::move(refusal);
    }
    if (auto refusal = read_integer(fields, Field::kind, 65535, kind_number)) {
        return *std::move(refusal);
    }
    head.kind = static_cast<Kind>(kind_number);

    auto& builder = record::Builder::of_this_thread();
    builder.start(head);
    if (auto refusal = read_tags(*fields[Field::tags], builder)) return *std::move(refusal);
    std::string_view text;
    if (fields[Field::content]->get(text) != simdjson::SUCCESS) {
        return invalid("event field \"content\" must be a string");
    }
    builder.set_content(text);

    if (builder.id() != claimed &&
        !(builder.has_long_escapes() && builder.verbatim_id() == claimed)) {
        return Refusal{Errc::invalid_id,
                       "event field \"id\" is not the SHA-256 of the event's serialization"};
    }
    return builder.finish(claimed, signature);
}

std::optional<Id> claimed_id(const dom::element& element) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return std::nullopt;
    for (const auto [name, value] : object) {
        if (name != "id") continue;
        std::string_view text;
        if (value.get(text) != simdjson::SUCCESS) return std::nullopt;
        return base::parse_hex<Id>(text);
    }
    return std::nullopt;
}

}  // namespace parrhesia::event
