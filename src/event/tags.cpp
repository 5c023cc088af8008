#include "parrhesia/event/tags.hpp"

#include "parrhesia/base/relay_url.hpp"
#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/parse.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>

namespace parrhesia::event {
namespace {

namespace dom = simdjson::dom;

// Reposts of reposts are looked into so far.
constexpr int kDeepestRepost = 4;

[[nodiscard]] bool has_protected_tag(const dom::element& event) {
    dom::array tags;
    if (event["tags"].get(tags) != simdjson::SUCCESS) return false;
    for (const auto tag : tags) {
        std::string_view name;
        if (tag.at(0).get(name) == simdjson::SUCCESS && name == "-") return true;
    }
    return false;
}

// The decoded content of an event in JSON; empty when there is none.
[[nodiscard]] std::string content_of(JsonReader& reader, std::string_view json,
                                     bool& is_protected) {
    const auto root = reader.document(json);
    std::string_view content;
    if (!root) return {};
    is_protected = has_protected_tag(*root);
    if ((*root)["content"].get(content) != simdjson::SUCCESS) return {};
    return std::string(content);
}

}  // namespace

bool embeds_protected_event(const EventView& event) {
    thread_local JsonReader reader;
    bool is_protected = false;
    std::string embedded = content_of(reader, event.json(), is_protected);
    for (int depth = 0; depth < kDeepestRepost && !embedded.empty(); ++depth) {
        is_protected = false;
        embedded = content_of(reader, embedded, is_protected);
        if (is_protected) return true;
    }
    return false;
}

std::vector<Tag> tags_of(const EventView& event) {
    thread_local JsonReader reader;
    std::vector<Tag> tags;
    const auto root = reader.document(event.json());
    if (!root) return tags;  // a record's JSON is canonical
    dom::array all;
    if (root->operator[]("tags").get(all) != simdjson::SUCCESS) return tags;
    tags.reserve(all.size());
    for (const auto element : all) {
        Tag tag;
        dom::array values;
        if (element.get(values) != simdjson::SUCCESS) continue;
        for (const auto value : values) {
            std::string_view text;
            if (value.get(text) == simdjson::SUCCESS) tag.emplace_back(text);
        }
        tags.push_back(std::move(tag));
    }
    return tags;
}

const Tag* find_tag(const std::vector<Tag>& tags, std::string_view name) noexcept {
    const auto found = std::find_if(tags.begin(), tags.end(), [name](const Tag& tag) {
        return !tag.empty() && tag.front() == name;
    });
    return found == tags.end() ? nullptr : &*found;
}

std::optional<Address> parse_address(std::string_view text) noexcept {
    const std::size_t first = text.find(':');
    if (first == std::string_view::npos || first == 0 || first > 5) return std::nullopt;
    const std::size_t second = text.find(':', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    unsigned kind = 0;
    const char* const end = text.data() + first;
    const auto [stop, error] = std::from_chars(text.data(), end, kind);
    if (error != std::errc() || stop != end || kind > 65535) return std::nullopt;
    const auto pubkey = base::parse_hex<PubKey>(text.substr(first + 1, second - first - 1));
    if (!pubkey) return std::nullopt;
    Address address{static_cast<Kind>(kind), *pubkey, text.substr(second + 1)};
    switch (class_of(address.kind)) {
        case KindClass::addressable:
            return address;
        case KindClass::replaceable:
            if (address.identifier.empty()) return address;
            return std::nullopt;
        case KindClass::regular:
        case KindClass::ephemeral:
            return std::nullopt;
    }
    return std::nullopt;
}

bool is_vanish_request_to(const EventView& event, const std::vector<std::string>& relay_urls) {
    if (event.kind() != kVanish) return false;
    const std::vector<Tag> tags = tags_of(event);
    return std::any_of(tags.begin(), tags.end(), [&relay_urls](const Tag& tag) {
        if (tag.size() < 2 || tag[0] != "relay") return false;
        if (tag[1] == "ALL_RELAYS") return true;
        const auto url = base::normalized_relay_url(tag[1]);
        return url && std::find(relay_urls.begin(), relay_urls.end(), *url) != relay_urls.end();
    });
}

}  // namespace parrhesia::event
