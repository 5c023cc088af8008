// From untrusted JSON to an Event: format, canonical form and id (NIP-01). The signature is
// verify.hpp's.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

// Only named here, so that simdjson's headers stay in the .cpp files.
namespace simdjson::dom {
class element;
class parser;
}  // namespace simdjson::dom

namespace parrhesia::event {

// Checks the format of every field and that the id is the SHA-256 of the canonical serialization,
// with control characters as \u00xx (what clients sign) or, failing that, verbatim (NIP-01 to the
// letter). Unknown fields are dropped; a repeated field is refused. The signature is not verified.
//
// Errors: Errc::invalid_event or invalid_id; the text names the field.
[[nodiscard]] base::Checked<EventPtr> parse_event(const simdjson::dom::element& element);

// The id that an event claims, if it is readable: the address of an OK that refuses the event.
[[nodiscard]] std::optional<Id> claimed_id(const simdjson::dom::element& element);

// Errors: Errc::invalid_filter for a wrong format, unsupported_filter for an unknown key.
[[nodiscard]] base::Checked<Filter> parse_filter(const simdjson::dom::element& element);

// Parses texts one after another with buffers that are kept between calls.
//
// Threading: one instance per thread.
class JsonReader {
  public:
    JsonReader();
    ~JsonReader();
    JsonReader(const JsonReader&) = delete;
    JsonReader& operator=(const JsonReader&) = delete;

    // One event, one filter. Errors: those above and Errc::malformed_json.
    [[nodiscard]] base::Checked<EventPtr> event(std::string_view json);
    [[nodiscard]] base::Checked<Filter> filter(std::string_view json);
    // One filter, or an array of filters (the command line's form).
    [[nodiscard]] base::Checked<std::vector<Filter>> filters(std::string_view json);

    // The parsed document, valid until the next call. Nesting is bounded at 64 levels.
    [[nodiscard]] base::Checked<simdjson::dom::element> document(std::string_view json);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parrhesia::event
