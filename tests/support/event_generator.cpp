#include "support/event_generator.hpp"

#include <array>

namespace parrhesia::test {
namespace {

constexpr std::size_t kAuthors = 6;
constexpr std::size_t kRememberedIds = 64;
constexpr std::string_view kTagNames = "eptdaEAh";

std::string hex_of(std::size_t number) {
    std::string result(64, '0');
    result.back() = "0123456789abcdef"[number % 16];
    return result;
}

}  // namespace

EventGenerator::EventGenerator(std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < kAuthors; ++i) {
        authors_.push_back(event::Keypair::from_seed("author " + std::to_string(i)));
    }
}

std::size_t EventGenerator::below(std::size_t bound) { return random_() % bound; }

event::Kind EventGenerator::kind() {
    constexpr std::array<event::Kind, 20> kKinds = {0,     1,     1,     1,     1,     3,     7,
                                                    7,     445,   1059,  10002, 19999, 20001, 29999,
                                                    30000, 30023, 30023, 39999, 40000, 65535};
    return kKinds[below(kKinds.size())];
}

std::string EventGenerator::tag_value(char name) {
    if (one_in(40)) return "";
    if (name == 'e' || name == 'E' || name == 'p') {
        if (one_in(3)) return hex_of(below(6));
        return name == 'p' ? base::to_hex(authors_[below(kAuthors)].pubkey())
                           : base::to_hex(known_id());
    }
    std::string prefix = name == 'a' || name == 'A' ? "30023:" + hex_of(below(2)) + ":" : "";
    switch (below(8)) {
        case 0:
            return prefix + "a";
        case 1:
            return prefix + "b";
        case 2:
            return prefix + "ab";
        case 3:
            return prefix + std::string("a\0b", 3);
        case 4:
            return prefix + "\xC3\xA9\xF0\x9F\x98\x80";
        case 5:
            return prefix + std::string(600 + below(2), 'x') + "1";
        case 6:
            return prefix + std::string(600 + below(2), 'x') + "2";
        default:
            return prefix;
    }
}

std::vector<std::string> EventGenerator::tag() {
    if (one_in(12)) return {"nonce", "1", "20"};
    const char name = kTagNames[below(kTagNames.size())];
    if (one_in(25)) return {std::string(1, name)};
    std::vector<std::string> result = {std::string(1, name), tag_value(name)};
    if (one_in(4)) result.push_back(tag_value(name));  // never indexed
    return result;
}

std::string EventGenerator::content() {
    std::string result;
    for (auto length = below(40); length > 0; --length) {
        constexpr std::array<std::string_view, 8> kPieces = {
            "word ", "\"", "\\", "\n", "\x01", "\xE2\x80\xA8", "\xF0\x9F\x98\x80", "/"};
        result += kPieces[below(kPieces.size())];
    }
    return result;
}

event::EventDraft EventGenerator::draft() {
    event::EventDraft result;
    result.created_at = kFirstTime + static_cast<std::int64_t>(below(kTimeSpan));
    result.kind = kind();
    for (auto count = below(5); count > 0; --count) result.tags.push_back(tag());
    result.content = content();
    return result;
}

event::EventPtr EventGenerator::event() {
    auto made = event::sign_event(authors_[below(kAuthors)], draft());
    if (ids_.size() < kRememberedIds) {
        ids_.push_back(made->id());
    } else {
        ids_[next_id_++ % kRememberedIds] = made->id();
    }
    return made;
}

event::Id EventGenerator::known_id() {
    if (ids_.empty() || one_in(2)) return *base::parse_hex<event::Id>(hex_of(below(6)));
    return ids_[below(ids_.size())];
}

event::Filter EventGenerator::filter() {
    event::Filter result;
    if (one_in(6)) {
        for (auto count = 1 + below(6); count > 0; --count) result.ids.push_back(known_id());
    }
    if (one_in(3)) {
        for (auto count = 1 + below(4); count > 0; --count) {
            result.authors.push_back(authors_[below(kAuthors)].pubkey());
        }
    }
    if (one_in(2)) {
        for (auto count = 1 + below(4); count > 0; --count) result.kinds.push_back(kind());
    }
    if (one_in(3)) {
        const auto first = below(kTagNames.size());
        const auto names = one_in(4) ? 2U : 1U;
        for (std::size_t i = 0; i < names; ++i) {
            event::TagFilter wanted{kTagNames[(first + i) % kTagNames.size()], {}};
            for (auto count = 1 + below(4); count > 0; --count) {
                wanted.values.push_back(tag_value(wanted.name));
            }
            result.tags.push_back(std::move(wanted));
        }
    }
    if (one_in(4)) result.since = kFirstTime + static_cast<std::int64_t>(below(kTimeSpan));
    if (one_in(4)) result.until = kFirstTime + static_cast<std::int64_t>(below(kTimeSpan));
    if (one_in(4)) result.limit = static_cast<std::uint32_t>(below(30));
    result.never = one_in(20);
    result.normalize();
    return result;
}

event::EventPtr make_event(std::string_view seed, const event::EventDraft& draft) {
    return event::sign_event(event::Keypair::from_seed(seed), draft);
}

}  // namespace parrhesia::test
