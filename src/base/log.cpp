#include "parrhesia/base/log.hpp"

#include "parrhesia/base/json.hpp"

#include <spdlog/common.h>
#include <spdlog/details/os.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <ctime>
#include <memory>
#include <string>

namespace parrhesia::base::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) noexcept {
    switch (level) {
        case Level::trace:
            return spdlog::level::trace;
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warn:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
        case Level::off:
            return spdlog::level::off;
    }
    return spdlog::level::info;
}

// One JSON object a line: {"time":"2026-01-01T00:00:00.000Z","level":"info","message":"..."}.
class JsonFormatter final : public spdlog::formatter {
  public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        const auto since_epoch = message.time.time_since_epoch();
        const auto millis =
            std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count() % 1000;
        const std::time_t seconds = std::chrono::system_clock::to_time_t(message.time);
        std::tm utc{};
        gmtime_r(&seconds, &utc);
        std::string line = fmt::format("{{\"time\":\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\"",
                                       utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                                       utc.tm_min, utc.tm_sec, millis);
        const auto level = spdlog::level::to_string_view(message.level);
        line += fmt::format(",\"level\":\"{}\",\"thread\":{},\"message\":",
                            std::string_view(level.data(), level.size()), message.thread_id);
        append_json_string(line, std::string_view(message.payload.data(), message.payload.size()));
        line += "}\n";
        out.append(line.data(), line.data() + line.size());
    }
    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<JsonFormatter>();
    }
};

spdlog::logger& logger() {
    static const std::shared_ptr<spdlog::logger> instance = [] {
        auto made = std::make_shared<spdlog::logger>(
            "parrhesia", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
        made->flush_on(spdlog::level::trace);
        return made;
    }();
    return *instance;
}

}  // namespace

void configure(Level level, Format format) {
    spdlog::logger& target = logger();
    target.set_level(to_spdlog(level));
    if (format == Format::json) target.set_formatter(std::make_unique<JsonFormatter>());
}

bool enabled(Level level) noexcept { return logger().should_log(to_spdlog(level)); }

void write(Level level, std::string_view message) {
    logger().log(to_spdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace parrhesia::base::log
