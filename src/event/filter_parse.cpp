#include "parrhesia/event/parse.hpp"
#include "parrhesia/event/quote.hpp"

#include "event/record.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <limits>

namespace parrhesia::event {
namespace {

namespace dom = simdjson::dom;
using base::Errc;
using base::Refusal;
using Refused = std::optional<Refusal>;

constexpr auto kMaxTime = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMaxLimit = std::numeric_limits<std::uint32_t>::max();

Refusal invalid(std::string text) { return {Errc::invalid_filter, std::move(text)}; }

// The array at `key`; an empty one matches nothing (nips.md leaves it open, strfry does the same).
Refused read_list(std::string_view key, const dom::element& element, Filter& filter,
                  dom::array& out) {
    if (element.get(out) != simdjson::SUCCESS) {
        return invalid(fmt::format("filter element {} must be an array", quoted(key)));
    }
    if (out.begin() == out.end()) filter.never = true;
    return std::nullopt;
}

template <class Bytes>
Refused read_hex_list(std::string_view key, const dom::element& element, Filter& filter,
                      std::vector<Bytes>& out) {
    dom::array list;
    if (auto refusal = read_list(key, element, filter, list)) return refusal;
    for (const auto item : list) {
        std::string_view text;
        Bytes value;
        if (item.get(text) != simdjson::SUCCESS || !base::from_hex(text, value.bytes)) {
            return invalid(fmt::format(
                "filter element {} must hold strings of 64 lowercase hex digits", quoted(key)));
        }
        out.push_back(value);
    }
    return std::nullopt;
}

Refused read_kinds(const dom::element& element, Filter& filter) {
    dom::array list;
    if (auto refusal = read_list("kinds", element, filter, list)) return refusal;
    for (const auto item : list) {
        std::int64_t kind = 0;
        if (item.get(kind) != simdjson::SUCCESS || kind < 0 || kind > 65535) {
            return invalid("filter element \"kinds\" must hold integers from 0 to 65535");
        }
        filter.kinds.push_back(static_cast<Kind>(kind));
    }
    return std::nullopt;
}

// Values of #e and #p must be whole ids and keys (NIP-01): a prefix would match nothing, silently.
Refused read_tag_values(std::string_view key, const dom::element& element, Filter& filter) {
    dom::array list;
    if (auto refusal = read_list(key, element, filter, list)) return refusal;
    const char name = key[1];
    TagFilter tag{name, {}};
    for (const auto item : list) {
        std::string_view text;
        if (item.get(text) != simdjson::SUCCESS) {
            return invalid(fmt::format("filter element {} must hold strings", quoted(key)));
        }
        if ((name == 'e' || name == 'p') && !base::parse_hex<Id>(text)) {
            return invalid(fmt::format(
                "filter element {} must hold strings of 64 lowercase hex digits", quoted(key)));
        }
        tag.values.emplace_back(text);
    }
    if (!tag.values.empty()) filter.tags.push_back(std::move(tag));
    return std::nullopt;
}

// An integer; what lies beyond the range of the type is brought to its end, which matches the same.
Refused read_integer(std::string_view key, const dom::element& element, std::int64_t& out) {
    if (element.get(out) == simdjson::SUCCESS) return std::nullopt;
    std::uint64_t huge = 0;
    if (element.get(huge) == simdjson::SUCCESS) {
        out = kMaxTime;
        return std::nullopt;
    }
    return invalid(fmt::format("filter element {} must be an integer", quoted(key)));
}

Refused read_limit(const dom::element& element, Filter& filter) {
    std::int64_t limit = 0;
    if (read_integer("limit", element, limit) || limit < 0) {
        return invalid("filter element \"limit\" must be an integer, 0 or more");
    }
    filter.limit = static_cast<std::uint32_t>(std::min(limit, kMaxLimit));
    return std::nullopt;
}

Refused read_element(std::string_view key, const dom::element& element, Filter& filter) {
    if (key == "ids") return read_hex_list(key, element, filter, filter.ids);
    if (key == "authors") return read_hex_list(key, element, filter, filter.authors);
    if (key == "kinds") return read_kinds(element, filter);
    if (key == "since") return read_integer(key, element, filter.since);
    if (key == "until") return read_integer(key, element, filter.until);
    if (key == "limit") return read_limit(element, filter);
    if (key.size() == 2 && key[0] == '#' && record::is_letter(key[1])) {
        return read_tag_values(key, element, filter);
    }
    return Refusal{Errc::unsupported_filter,
                   fmt::format("filter element {} is not known to this relay", quoted(key))};
}

}  // namespace

base::Checked<Filter> parse_filter(const dom::element& element) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return invalid("filter is not a JSON object");

    Filter filter;
    std::vector<std::string_view> seen;  // 58 at most, for an unknown key ends the search
    for (const auto [key, value] : object) {
        if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
            return invalid(fmt::format("filter has the element {} twice", quoted(key)));
        }
        seen.push_back(key);
        if (auto refusal = read_element(key, value, filter)) return *std::move(refusal);
    }
    filter.since = std::max<std::int64_t>(filter.since, 0);
    filter.normalize();
    return filter;
}

}  // namespace parrhesia::event
