// Writing JSON strings. Reading JSON is simdjson's work, in the modules that parse.
#pragma once

#include <string>
#include <string_view>

namespace parrhesia::base {

// Appends `text` (UTF-8) escaped as NIP-01 wants it in an event: \n \" \\ \r \t \b \f by their
// short forms, other control characters as \u00xx in lowercase, all else verbatim. No quotes around
// it.
void append_json_escaped(std::string& out, std::string_view text);

// The same, between quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace parrhesia::base
