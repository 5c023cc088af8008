#include "parrhesia/event/kind_set.hpp"

#include <charconv>
#include <optional>

namespace parrhesia::event {
namespace {

[[nodiscard]] std::optional<Kind> parse_kind(std::string_view text) noexcept {
    Kind kind = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, kind);
    if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
    return kind;
}

}  // namespace

bool KindSet::add(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = parse_kind(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_kind(text.substr(dash + 1));
    if (!first || !last || *first > *last) return false;
    ranges_.push_back({*first, *last});
    return true;
}

}  // namespace parrhesia::event
