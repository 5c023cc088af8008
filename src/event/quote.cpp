#include "parrhesia/event/quote.hpp"

namespace parrhesia::event {
namespace {

constexpr std::size_t kMaxBytes = 64;

}  // namespace

std::string quoted(std::string_view text) {
    const bool cut = text.size() > kMaxBytes;
    if (cut) {
        std::size_t end = kMaxBytes;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
        text = text.substr(0, end);
    }
    std::string result = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        result += byte < 0x20 || byte == 0x7F ? '?' : c;
    }
    result += cut ? "...\"" : "\"";
    return result;
}

}  // namespace parrhesia::event
