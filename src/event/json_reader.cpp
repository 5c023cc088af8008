#include "parrhesia/event/parse.hpp"

#include <fmt/format.h>
#include <simdjson.h>

namespace parrhesia::event {
namespace {

namespace dom = simdjson::dom;
using base::Errc;
using base::Refusal;

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxDocumentBytes = 16u << 20;
// simdjson's buffers take about 14 times the longest document; they shrink back to this.
constexpr std::size_t kKeptDocumentBytes = 1u << 20;
constexpr std::size_t kInitialDocumentBytes = 16u << 10;

Refusal malformed(std::string text) { return {Errc::malformed_json, std::move(text)}; }

std::string describe(simdjson::error_code error) {
    switch (error) {
        case simdjson::DEPTH_ERROR:
            return fmt::format("JSON is nested deeper than {} levels", kMaxDepth);
        case simdjson::UTF8_ERROR:
            return "text is not valid UTF-8";
        case simdjson::EMPTY:
            return "text is empty";
        case simdjson::STRING_ERROR:
            return "JSON has a string with a broken escape";
        case simdjson::UNESCAPED_CHARS:
            return "JSON has a string with an unescaped control character";
        case simdjson::NUMBER_ERROR:
            return "JSON has a number that is broken or out of range";
        case simdjson::UNCLOSED_STRING:
            return "JSON has a string without an end";
        case simdjson::MEMALLOC:
            return "out of memory";
        default:
            return "text is not valid JSON";
    }
}

}  // namespace

struct JsonReader::Impl {
    dom::parser parser;
};

JsonReader::JsonReader() : impl_(std::make_unique<Impl>()) {}
JsonReader::~JsonReader() = default;

base::Checked<dom::element> JsonReader::document(std::string_view json) {
    if (json.size() > kMaxDocumentBytes) {
        return Refusal{Errc::too_large, fmt::format("JSON has {} bytes, at most {} are allowed",
                                                    json.size(), kMaxDocumentBytes)};
    }
    auto& parser = impl_->parser;
    if (parser.capacity() > kKeptDocumentBytes && json.size() <= kKeptDocumentBytes) {
        parser = dom::parser();
    }
    if (parser.capacity() < json.size() || parser.capacity() == 0) {
        // Here, because the depth is given only with the capacity.
        const auto capacity = std::max(json.size(), kInitialDocumentBytes);
        const auto error = parser.allocate(capacity, kMaxDepth);
        if (error != simdjson::SUCCESS) return malformed(describe(error));
    }
    dom::element root;
    const auto error = parser.parse(json.data(), json.size()).get(root);
    if (error != simdjson::SUCCESS) return malformed(describe(error));
    return root;
}

base::Checked<EventPtr> JsonReader::event(std::string_view json) {
    const auto root = document(json);
    if (!root) return root.error();
    return parse_event(*root);
}

base::Checked<Filter> JsonReader::filter(std::string_view json) {
    const auto root = document(json);
    if (!root) return root.error();
    return parse_filter(*root);
}

base::Checked<std::vector<Filter>> JsonReader::filters(std::string_view json) {
    const auto root = document(json);
    if (!root) return root.error();

    std::vector<Filter> result;
    dom::array list;
    if (root->get(list) != simdjson::SUCCESS) {
        auto filter = parse_filter(*root);
        if (!filter) return filter.error();
        result.push_back(*std::move(filter));
        return result;
    }
    for (const auto element : list) {
        auto filter = parse_filter(element);
        if (!filter) return filter.error();
        result.push_back(*std::move(filter));
    }
    if (result.empty()) {
        return Refusal{Errc::invalid_filter, "list of filters is empty; {} asks for everything"};
    }
    return result;
}

}  // namespace parrhesia::event
