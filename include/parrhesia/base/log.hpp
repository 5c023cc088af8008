// Logging: spdlog behind five functions.
//
// debug: anything a client can trigger at will. info: lifecycle. warn: the operator should act.
// error: data was lost or a component is dead. What a client triggers is counted in metrics
// instead.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace parrhesia::base::log {

enum class Level { trace, debug, info, warn, error, off };
enum class Format { text, json };

// Writes to standard error; rotation is left to the system. Call once, before other threads start.
void configure(Level level, Format format);
[[nodiscard]] bool enabled(Level level) noexcept;
void write(Level level, std::string_view message);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::debug))
        write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::warn)) write(Level::warn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::error))
        write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace parrhesia::base::log
