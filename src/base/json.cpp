#include "parrhesia/base/json.hpp"

#include <array>
#include <cstdint>

namespace parrhesia::base {
namespace {

// What a byte becomes: 0 = itself, 'u' = \u00xx, else a backslash and this character.
constexpr std::array<char, 256> kEscape = [] {
    std::array<char, 256> table{};
    for (std::size_t control = 0; control < 0x20; ++control) table[control] = 'u';
    table['\n'] = 'n';
    table['"'] = '"';
    table['\\'] = '\\';
    table['\r'] = 'r';
    table['\t'] = 't';
    table['\b'] = 'b';
    table['\f'] = 'f';
    return table;
}();

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::size_t plain_from = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const char escape = kEscape[byte];
        if (escape == 0) continue;
        out.append(text.substr(plain_from, i - plain_from));
        plain_from = i + 1;
        if (escape == 'u') {
            out.append("\\u00");
            out.push_back(kDigits[byte >> 4U]);
            out.push_back(kDigits[byte & 15U]);
        } else {
            out.push_back('\\');
            out.push_back(escape);
        }
    }
    out.append(text.substr(plain_from));
}

void append_json_string(std::string& out, std::string_view text) {
    out.push_back('"');
    append_json_escaped(out, text);
    out.push_back('"');
}

}  // namespace parrhesia::base
