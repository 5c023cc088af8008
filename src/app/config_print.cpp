#include "app/config_print.hpp"

#include "app/config_keys.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <sstream>
#include <string_view>
#include <variant>

namespace parrhesia::app {
namespace {

constexpr std::size_t kColumns = 100;

// Adds `text` as comment lines.
void append_comment(std::string& out, const std::string& text) {
    std::istringstream words(text);
    std::string line = "#";
    for (std::string word; words >> word;) {
        if (line.size() + 1 + word.size() > kColumns) {
            out += line + '\n';
            line = "#";
        }
        line += ' ' + word;
    }
    out += line + '\n';
}

// One line, so that it can be a comment: a path may hold anything.
std::string comment_safe(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    return out;
}

std::string capitalized(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
        text[0] = static_cast<char>(text[0] - 'a' + 'A');
    }
    return text;
}

// "67108864 (64 MiB)": nobody reads long numbers of bytes.
std::string default_words(const ConfigKey& key) {
    const ConfigValue value = key.default_value();
    const auto* number = std::get_if<std::int64_t>(&value);
    if (number == nullptr || key.unit != "bytes" || *number % 1024 != 0) return to_toml(value);
    const bool is_mib = *number % (1024 * 1024) == 0;
    return fmt::format("{} ({} {})", *number, *number / (is_mib ? 1024 * 1024 : 1024),
                       is_mib ? "MiB" : "KiB");
}

}  // namespace

std::string effective_toml(const LoadedConfig& loaded) {
    std::string out;
    std::string_view section;
    for (const ConfigKey& key : config_keys()) {
        if (key.section() != section) {
            section = key.section();
            out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", section);
        }
        const auto origin = loaded.origins.find(key.name);
        out += fmt::format(
            "{} = {}  # {}\n", key.short_name(), to_toml(key.shown(key.get(loaded.config))),
            origin == loaded.origins.end() ? "default" : comment_safe(origin->second));
    }
    return out;
}

std::string documented_toml() {
    std::string out;
    append_comment(out,
                   "The configuration of Parrhesia: every key, with its default. This file is "
                   "exactly what the relay uses without a file, so keep only the lines you "
                   "change.");
    append_comment(out,
                   "The environment overrides the file (PARRHESIA_RELAY_PORT=8080), and --set "
                   "relay.port=8080 overrides both. \"parrhesia config check\" looks for "
                   "mistakes, \"parrhesia config print\" shows what is in effect and why.");
    for (const ConfigSectionText& section : config_sections()) {
        out += '\n';
        append_comment(out, std::string(section.description));
        out += fmt::format("[{}]\n", section.name);
        bool is_first = true;
        for (const ConfigKey& key : config_keys()) {
            if (key.section() != section.name) continue;
            if (!is_first) out += '\n';
            is_first = false;
            append_comment(out, key.description);
            append_comment(
                out, fmt::format("{}; default {}.", capitalized(key.expected), default_words(key)));
            out += fmt::format("{} = {}\n", key.short_name(), to_toml(key.default_value()));
        }
    }
    return out;
}

}  // namespace parrhesia::app
