#include "event/record.hpp"

#include "parrhesia/base/json.hpp"

#include "event/sha256.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <limits>

namespace parrhesia::event::record {
namespace {

// Buffers above this are given back after the event that needed them.
constexpr std::size_t kKeptBufferBytes = 1u << 20;

void reset(std::string& buffer) {
    if (buffer.capacity() > kKeptBufferBytes) {
        std::string().swap(buffer);
    } else {
        buffer.clear();
    }
}

template <class Number>
void append_number(std::string& out, Number number) {
    char text[24];
    const auto [end, error] = std::to_chars(text, text + sizeof text, number);
    assert(error == std::errc{});
    out.append(text, end);
}

template <class Number>
void append_raw(std::string& out, Number number) {
    char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    out.append(bytes, sizeof number);
}

void append_packed(std::string& out, char letter, std::string_view value) {
    out += letter;
    append_raw(out, static_cast<std::uint32_t>(value.size()));
    out += value;
}

// 0 for anything but digits in range (NIP-40 gives no meaning to it). "0" has expired as surely as
// "1" has.
std::int64_t parse_expiration(std::string_view text) {
    std::int64_t result = 0;
    const auto* end = text.data() + text.size();
    if (text.empty() || text.front() == '-') return 0;
    const auto [stop, error] = std::from_chars(text.data(), end, result);
    if (error != std::errc{} || stop != end) return 0;
    return std::max<std::int64_t>(result, 1);
}

// Counts every byte that does not continue a UTF-8 sequence, eight at a time.
std::size_t count_characters(std::string_view text) {
    std::size_t continuations = 0;
    std::size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) {
        const auto word = load<std::uint64_t>(text, at);
        const auto marks = (word >> 7) & ~(word >> 6) & 0x0101010101010101u;
        continuations += static_cast<std::size_t>(std::popcount(marks));
    }
    for (; at < text.size(); ++at) {
        continuations += (static_cast<unsigned char>(text[at]) & 0xC0u) == 0x80u;
    }
    return text.size() - continuations;
}

// `escaped` comes from base::append_json_escaped(): \u is always \u00xx.
std::string with_raw_controls(std::string_view escaped) {
    std::string result;
    result.reserve(escaped.size());
    for (std::size_t at = 0; at < escaped.size(); ++at) {
        if (escaped[at] != '\\') {
            result += escaped[at];
        } else if (escaped[at + 1] == 'u') {
            unsigned control = 0;
            const auto* hex = escaped.data() + at + 4;
            std::from_chars(hex, hex + 2, control, 16);
            result += static_cast<char>(control);
            at += 5;
        } else {
            result += escaped.substr(at, 2);
            ++at;
        }
    }
    return result;
}

// A backslash before `u` starts an escape exactly if no other backslash escapes it.
bool contains_long_escape(std::string_view escaped) {
    for (auto at = escaped.find('\\'); at != std::string_view::npos;
         at = escaped.find('\\', at + 2)) {
        if (escaped[at + 1] == 'u') return true;
    }
    return false;
}

}  // namespace

Builder& Builder::of_this_thread() {
    thread_local Builder builder;
    return builder;
}

void Builder::start(const Head& head) {
    head_ = head;
    shape_ = {};
    expiration_ = 0;
    protected_ = false;
    has_identifier_ = false;
    reset(tags_json_);
    reset(packed_);
    reset(content_json_);
    tags_json_ += '[';
}

void Builder::begin_tag() {
    if (shape_.tag_count != 0) tags_json_ += ',';
    tags_json_ += '[';
    ++shape_.tag_count;
    value_index_ = 0;
    letter_ = 0;
    is_expiration_ = false;
}

void Builder::add_value(std::string_view value) {
    if (value_index_ != 0) tags_json_ += ',';
    base::append_json_string(tags_json_, value);
    if (value_index_ == 0) {
        if (value.size() == 1 && is_letter(value.front())) letter_ = value.front();
        protected_ = protected_ || value == "-";
        is_expiration_ = value == "expiration";
    } else if (value_index_ == 1) {
        if (letter_ != 0) {
            append_packed(packed_, letter_, value);
            shape_.longest_indexed_value_bytes =
                std::max(shape_.longest_indexed_value_bytes, value.size());
            has_identifier_ = has_identifier_ || letter_ == 'd';
        }
        if (is_expiration_ && expiration_ == 0) expiration_ = parse_expiration(value);
    }
    ++value_index_;
}

void Builder::end_tag() {
    assert(value_index_ != 0 && "a tag has at least its name");
    tags_json_ += ']';
    if (letter_ == 'd' && value_index_ == 1 && class_of(head_.kind) == KindClass::addressable) {
        append_packed(packed_, 'd', "");
        has_identifier_ = true;
    }
}

void Builder::set_content(std::string_view content) {
    tags_json_ += ']';
    if (!has_identifier_ && class_of(head_.kind) == KindClass::addressable) {
        append_packed(packed_, 'd', "");
    }
    shape_.content_characters = count_characters(content);
    base::append_json_string(content_json_, content);
}

std::string Builder::preimage_head() const {
    std::string result;
    result.reserve(128);
    result += "[0,\"";
    base::append_hex(result, head_.pubkey.bytes);
    result += "\",";
    append_number(result, head_.created_at);
    result += ',';
    append_number(result, head_.kind);
    result += ',';
    return result;
}

Id Builder::id() const {
    return Id{sha256({preimage_head(), tags_json_, ",", content_json_, "]"})};
}

bool Builder::has_long_escapes() const noexcept {
    return contains_long_escape(tags_json_) || contains_long_escape(content_json_);
}

Id Builder::verbatim_id() const {
    return Id{sha256({preimage_head(), with_raw_controls(tags_json_), ",",
                      with_raw_controls(content_json_), "]"})};
}

EventPtr Builder::finish(const Id& id, const Signature& signature) {
    assert(packed_.size() <= std::numeric_limits<std::uint32_t>::max());
    // Braces, names, hex and numbers take under 400 bytes.
    std::string out;
    out.reserve(kTagsAt + packed_.size() + tags_json_.size() + content_json_.size() + 400);

    out += static_cast<char>(kVersion);
    out += static_cast<char>(protected_ ? kProtectedFlag : 0);
    append_raw(out, head_.kind);
    append_raw(out, static_cast<std::uint32_t>(packed_.size()));
    append_raw(out, head_.created_at);
    append_raw(out, expiration_);
    out += id.view();
    out += head_.pubkey.view();
    out += packed_;

    out += R"({"id":")";
    base::append_hex(out, id.bytes);
    out += R"(","pubkey":")";
    base::append_hex(out, head_.pubkey.bytes);
    out += R"(","created_at":)";
    append_number(out, head_.created_at);
    out += R"(,"kind":)";
    append_number(out, head_.kind);
    out += R"(,"tags":)";
    out += tags_json_;
    out += R"(,"content":)";
    out += content_json_;
    out += R"(,"sig":")";
    base::append_hex(out, signature.bytes);
    out += R"("})";
    return std::make_shared<const Event>(std::move(out), shape_, signature);
}

}  // namespace parrhesia::event::record
