#include "app/setting.hpp"

#include "app/nearest_name.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace parrhesia::app {
namespace {

// Far above any sensible file: protects against being pointed at a device or a database.
constexpr std::size_t kMaxFileBytes = 1 << 20;

Setting setting_of_node(std::string key, std::string origin, const toml::node& node) {
    Setting setting{std::move(key), std::move(origin), std::nullopt, {}};
    if (const auto* truth = node.as_boolean()) {
        setting.value = truth->get();
    } else if (const auto* number = node.as_integer()) {
        setting.value = number->get();
    } else if (const auto* text = node.as_string()) {
        setting.value = text->get();
    } else if (const auto* real = node.as_floating_point()) {
        setting.found = fmt::format("the number {}, which is no integer", real->get());
    } else if (const auto* list = node.as_array()) {
        std::vector<std::string> items;
        for (const toml::node& item : *list) {
            if (const auto* word = item.as_string()) items.push_back(word->get());
        }
        if (items.size() == list->size()) {
            setting.value = std::move(items);
        } else {
            setting.found = "a list with elements that are no strings";
        }
    } else {
        setting.found = node.is_table() ? "a table" : "a date or a time";
    }
    return setting;
}

std::string place(const std::string& path, const toml::source_region& source) {
    return fmt::format("{}:{}", path, source.begin.line);
}

void add_section(Settings& out, const std::string& path, std::string_view name,
                 const toml::table& table) {
    for (const auto& [key, node] : table) {
        const std::string origin = place(path, key.source());
        out.settings.push_back(
            setting_of_node(fmt::format("{}.{}", name, key.str()), origin, node));
    }
}

void add_document(Settings& out, const std::string& path, const toml::table& document) {
    std::vector<std::string> sections;
    for (const auto& section : config_sections()) sections.emplace_back(section.name);
    for (const auto& [key, node] : document) {
        const std::string origin = place(path, key.source());
        const std::string name(key.str());
        const bool is_section = std::find(sections.begin(), sections.end(), name) != sections.end();
        if (is_section && node.is_table()) {
            add_section(out, path, name, *node.as_table());
        } else if (is_section) {
            out.errors.push_back(
                fmt::format("{}: {}: expected a section, [{}] and keys below it, found a value",
                            origin, name, name));
        } else if (node.is_table()) {
            out.errors.push_back(fmt::format("{}: unknown section [{}]; did you mean [{}]?", origin,
                                             name, nearest_name(name, sections)));
        } else {
            out.errors.push_back(
                fmt::format("{}: unknown key {} outside of all sections; did you mean {}?", origin,
                            name, nearest_config_key(name)));
        }
    }
}

std::optional<ConfigValue> value_of_toml(const std::string& text) {
    const std::string document = "value = " + text;
    try {
        const toml::table parsed = toml::parse(document);
        // More than one key: the text went on in a second line.
        if (parsed.size() != 1 || !parsed.contains("value")) return std::nullopt;
        return setting_of_node("", "", *parsed.get("value")).value;
    } catch (const toml::parse_error&) {
        return std::nullopt;
    }
}

bool is_utf8(const std::string& text) {
    return value_of_toml(to_toml(ConfigValue(text))).has_value();
}

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    std::istringstream in(text);
    for (std::string word; std::getline(in, word, ',');) {
        const std::size_t begin = word.find_first_not_of(" \t");
        if (begin == std::string::npos) continue;
        words.push_back(word.substr(begin, word.find_last_not_of(" \t") - begin + 1));
    }
    return words;
}

}  // namespace

Settings settings_of_file(const std::string& path) {
    Settings out;
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    std::string text(kMaxFileBytes + 1, '\0');
    if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!in.eof() || in.bad()) {
        const std::string why = in.gcount() == static_cast<std::streamsize>(text.size())
                                    ? "it is larger than 1 MiB"
                                    : std::generic_category().message(errno != 0 ? errno : EIO);
        out.errors.push_back(fmt::format("{}: cannot read the configuration file: {}", path, why));
        return out;
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    try {
        add_document(out, path, toml::parse(text, path));
    } catch (const toml::parse_error& error) {
        out.errors.push_back(
            fmt::format("{}: not TOML: {}", place(path, error.source()), error.description()));
    }
    // toml++ sorts by name; people read from top to bottom.
    std::stable_sort(out.settings.begin(), out.settings.end(),
                     [&path](const Setting& a, const Setting& b) {
                         const auto line = [&path](const Setting& s) {
                             return std::stoul(s.origin.substr(path.size() + 1));
                         };
                         return line(a) < line(b);
                     });
    return out;
}

Setting setting_of_text(const ConfigKey& key, std::string origin, const std::string& text) {
    Setting setting{key.name, std::move(origin), std::nullopt, {}};
    const bool is_quoted = text.starts_with('"') || text.starts_with('\'');
    const bool is_bare_text = key.type == ValueType::text && !is_quoted;
    const bool is_bare_list = key.type == ValueType::list && !text.starts_with('[');
    if (!is_bare_text && !is_bare_list) setting.value = value_of_toml(text);
    if (setting.value) return setting;
    if (!is_utf8(text)) {
        setting.found = "bytes that are not UTF-8";
    } else if (is_bare_list) {
        setting.value = words_of(text);
    } else {
        setting.value = text;
    }
    return setting;
}

}  // namespace parrhesia::app
