#include "parrhesia/event/proof_of_work.hpp"

#include "parrhesia/event/tags.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <string_view>
#include <vector>

namespace parrhesia::event {

unsigned leading_zero_bits(const Id& id) noexcept {
    unsigned bits = 0;
    for (const auto byte : id.bytes) {
        bits += static_cast<unsigned>(std::countl_zero(byte));
        if (byte != 0) break;
    }
    return bits;
}

std::optional<unsigned> committed_target(const EventView& event) {
    // The JSON is canonical, and its strings have their quotes escaped: only a tag looks like this.
    if (event.json().find(R"(["nonce",)") == std::string_view::npos) return std::nullopt;
    const std::vector<Tag> tags = tags_of(event);
    const Tag* const nonce = find_tag(tags, "nonce");
    if (nonce == nullptr || nonce->size() < 3) return std::nullopt;
    const std::string& text = (*nonce)[2];
    const char* const end = text.data() + text.size();
    unsigned target = 0;
    const auto [stop, error] = std::from_chars(text.data(), end, target);
    if (error != std::errc() || stop != end) return std::nullopt;
    return target;
}

std::optional<base::Refusal> check_work(const EventView& event, unsigned minimum_bits) {
    if (minimum_bits == 0) return std::nullopt;
    const unsigned bits = leading_zero_bits(event.id());
    if (bits < minimum_bits) {
        return base::Refusal{base::Errc::insufficient_work,
                             fmt::format("difficulty {} is less than {}", bits, minimum_bits)};
    }
    const auto target = committed_target(event);
    if (target && *target < minimum_bits) {
        return base::Refusal{
            base::Errc::insufficient_work,
            fmt::format("the committed target {} is less than {}", *target, minimum_bits)};
    }
    return std::nullopt;
}

}  // namespace parrhesia::event
