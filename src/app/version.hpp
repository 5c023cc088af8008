// Which build this is.
#pragma once

#include <string>
#include <string_view>

namespace parrhesia::app {

// "0.1.0"
[[nodiscard]] std::string_view version() noexcept;
// Version, compiler and libraries, a line each: what `parrhesia version` prints.
[[nodiscard]] std::string version_report();

}  // namespace parrhesia::app
