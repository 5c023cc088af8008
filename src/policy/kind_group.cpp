#include "parrhesia/policy/kind_group.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace parrhesia::policy {
namespace {

using base::Refusal;
using base::TokenRate;

constexpr std::string_view kBlanks = " \t";

base::Refusal refusal(std::string text) { return {base::Errc::invalid_event, std::move(text)}; }

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

// The next word of `rest`, which loses it; empty at the end.
std::string_view next_word(std::string_view& rest, std::string_view separators) noexcept {
    const std::size_t first = rest.find_first_not_of(separators);
    if (first == std::string_view::npos) return rest = {};
    const std::size_t end = std::min(rest.find_first_of(separators, first), rest.size());
    const std::string_view word = rest.substr(first, end - first);
    rest.remove_prefix(end);
    return word;
}

std::optional<std::uint64_t> number(std::string_view text, std::uint64_t max) noexcept {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max) {
        return std::nullopt;
    }
    return value;
}

// 1 to TokenRate::kMost.
std::optional<std::uint64_t> parse_amount(std::string_view text) noexcept {
    const auto amount = number(text, TokenRate::kMost);
    return amount == 0U ? std::nullopt : amount;
}

}  // namespace

base::Checked<KindGroup> parse_kind_group(std::string_view text) {
    const std::size_t colon = text.find(':');
    KindGroup group;
    if (colon != std::string_view::npos) group.name = trimmed(text.substr(0, colon));
    if (group.name.empty()) return refusal("no name before a colon");

    std::optional<std::uint64_t> per_second;
    std::optional<std::uint64_t> burst;
    std::string_view rest = text.substr(colon + 1);
    for (auto word = next_word(rest, kBlanks); !word.empty(); word = next_word(rest, kBlanks)) {
        const std::size_t equals = std::min(word.find('='), word.size());
        const std::string_view key = word.substr(0, equals);
        std::string_view value = word.substr(std::min(equals + 1, word.size()));
        if (key == "kinds") {
            for (auto item = next_word(value, ","); !item.empty(); item = next_word(value, ",")) {
                if (!group.kinds.add(item)) {
                    return refusal(
                        fmt::format("\"{}\", which is no kind and no range of kinds", item));
                }
            }
        } else if (key == "per_second" || key == "burst") {
            const auto amount = parse_amount(value);
            if (!amount) {
                return refusal(
                    fmt::format("\"{}\", which is no number from 1 to {}", word, TokenRate::kMost));
            }
            (key == "burst" ? burst : per_second) = amount;
        } else {
            return refusal(
                fmt::format("\"{}\", which is none of kinds=, per_second=, burst=", word));
        }
    }
    if (group.kinds.empty()) return refusal("no kinds=");
    if (!per_second) return refusal("no per_second=");
    if (!burst) return refusal("no burst=");
    group.rate = TokenRate(*per_second, *burst);
    return group;
}

base::Checked<TokenRate> parse_rate(std::string_view text) {
    std::string_view rest = text;
    std::string_view speed = next_word(rest, kBlanks);
    if (speed == "off" && trimmed(rest).empty()) return TokenRate();
    const auto bad = [text] {
        return refusal(
            fmt::format("\"{}\"; both numbers are from 1 to {}", text, TokenRate::kMost));
    };
    if (!speed.ends_with("/s")) return bad();
    speed.remove_suffix(2);
    if (next_word(rest, kBlanks) != "burst") return bad();
    const auto per_second = parse_amount(speed);
    const auto burst = parse_amount(next_word(rest, kBlanks));
    if (!per_second || !burst || !trimmed(rest).empty()) return bad();
    return TokenRate(*per_second, *burst);
}

std::string to_string(const TokenRate& rate) {
    if (!rate.is_bounded()) return "off";
    return fmt::format("{}/s burst {}", rate.per_second(), rate.burst());
}

}  // namespace parrhesia::policy
