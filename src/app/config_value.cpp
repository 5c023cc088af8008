// ConfigValue in words and as TOML.
#include "parrhesia/store/postgres_store.hpp"

#include "app/config_keys.hpp"

#include <fmt/format.h>

namespace parrhesia::app {
namespace {

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
                    out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
                } else {
                    out += c;
                }
        }
    }
    return out + "\"";
}

std::string quoted_list(const std::vector<std::string>& items) {
    std::string out = "[";
    for (const std::string& item : items) {
        if (out.size() > 1) out += ", ";
        out += quoted(item);
    }
    return out + "]";
}

}  // namespace

std::string describe(const ConfigValue& value) {
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        return fmt::format("the integer {}", *number);
    }
    if (const auto* text = std::get_if<std::string>(&value)) return "the string " + quoted(*text);
    return "the list " + quoted_list(std::get<std::vector<std::string>>(value));
}

ConfigValue without_passwords(ConfigValue value) {
    // An empty one is no secret, and no connection string to be read.
    const auto conceal = [](std::string& text) {
        if (!text.empty()) text = store::without_password(text);
    };
    if (auto* text = std::get_if<std::string>(&value)) conceal(*text);
    if (auto* list = std::get_if<std::vector<std::string>>(&value)) {
        for (std::string& text : *list) conceal(text);
    }
    return value;
}

std::string to_toml(const ConfigValue& value) {
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
    if (const auto* number = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *number);
    if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
    return quoted_list(std::get<std::vector<std::string>>(value));
}

}  // namespace parrhesia::app
