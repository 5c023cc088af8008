// How a refusal names what a client sent.
#pragma once

#include <string>
#include <string_view>

namespace parrhesia::event {

// `text` between quotes, cut to about 64 bytes at a character's boundary; control characters become
// '?', because the sentence may end on a terminal.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace parrhesia::event
