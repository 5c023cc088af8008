#include "parrhesia/store/retention.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string>

namespace parrhesia::store {
namespace {

using base::Errc;
using base::Refusal;

constexpr std::uint32_t kMaxDays = 36500;

[[nodiscard]] Refusal bad(std::string text) { return {Errc::malformed_message, std::move(text)}; }

// Takes what comes before `separator` off the front.
[[nodiscard]] std::string_view take(std::string_view& rest, char separator) noexcept {
    const std::size_t end = rest.find(separator);
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return word;
}

[[nodiscard]] std::optional<std::uint32_t> parse_number(std::string_view text,
                                                        std::uint32_t max) noexcept {
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end || number < 1 || number > max) return std::nullopt;
    return number;
}

[[nodiscard]] std::optional<Refusal> read_word(std::string_view word, RetentionRule& rule) {
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    std::string_view value =
        equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
    if (name == "kinds") {
        do {
            const std::string_view kinds = take(value, ',');
            if (!rule.kinds.add(kinds)) {
                return bad(fmt::format(
                    "\"{}\" is neither a kind from 0 to 65535 nor a range of them", kinds));
            }
        } while (!value.empty());
        return std::nullopt;
    }
    if (name == "days" || name == "hours") {
        const std::uint32_t hours_each = name == "days" ? 24 : 1;
        const auto count = parse_number(value, kMaxDays * 24 / hours_each);
        if (!count) {
            return bad(fmt::format("\"{}\" must be a number from 1 to {}", word,
                                   kMaxDays * 24 / hours_each));
        }
        if (rule.max_age) return bad("an age is given twice");
        rule.max_age = std::chrono::hours(*count * hours_each);
        return std::nullopt;
    }
    if (name == "per_author") {
        rule.per_author = parse_number(value, 1'000'000'000);
        if (!rule.per_author) {
            return bad(fmt::format("\"{}\" must be a number from 1 to 1000000000", word));
        }
        return std::nullopt;
    }
    return bad(
        fmt::format("\"{}\" is not one of kinds=..., days=..., hours=..., per_author=...", word));
}

}  // namespace

base::Checked<RetentionRule> parse_retention_rule(std::string_view text) {
    RetentionRule rule;
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::string_view word = take(rest, ' ');
        if (word.empty()) continue;
        if (auto refusal = read_word(word, rule)) return *std::move(refusal);
    }
    if (!rule.max_age && !rule.per_author) {
        return bad("it needs days=..., hours=... or per_author=...");
    }
    return rule;
}

}  // namespace parrhesia::store
