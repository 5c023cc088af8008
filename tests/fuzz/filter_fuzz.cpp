// Any bytes are a filter: refused, or one that means the same every time and matches without harm.
#include "parrhesia/event/filter.hpp"
#include "parrhesia/event/parse.hpp"
#include "parrhesia/event/verify.hpp"

#include "expect.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::event {
namespace {

bool equal(const TagFilter& a, const TagFilter& b) {
    return a.name == b.name && a.values == b.values;
}

bool equal(const Filter& a, const Filter& b) {
    if (a.tags.size() != b.tags.size()) return false;
    for (std::size_t i = 0; i < a.tags.size(); ++i) {
        if (!equal(a.tags[i], b.tags[i])) return false;
    }
    return a.ids == b.ids && a.authors == b.authors && a.kinds == b.kinds && a.since == b.since &&
           a.until == b.until && a.limit == b.limit && a.never == b.never;
}

// Events of every class, with the tags that the seeds of the corpus ask for.
const std::vector<EventPtr>& events() {
    static const std::vector<EventPtr> instance = [] {
        const auto author = Keypair::from_seed("fuzz");
        const std::string id(64, 'a');
        std::vector<EventPtr> made;
        made.push_back(sign_event(author, {1700000000, 1, {}, "a note"}));
        made.push_back(sign_event(author, {1700000001, 7, {{"e", id}, {"p", id}, {"E", id}}, "+"}));
        made.push_back(sign_event(author, {1700000002, 1, {{"t", "a\"b\\c\n"}, {"t", ""}}, ""}));
        made.push_back(sign_event(author, {1700000003, 0, {{"subject", "none"}}, "{}"}));
        made.push_back(sign_event(author, {1700000004, 20001, {{"p", ""}}, ""}));
        made.push_back(sign_event(author, {1700000005, 30023, {{"d", "x"}, {"d", "y"}}, ""}));
        made.push_back(sign_event(author, {1700000006, 30023, {}, ""}));
        made.push_back(sign_event(author, {0, 65535, {{"t", std::string(2000, 'x')}}, ""}));
        return made;
    }();
    return instance;
}

void check(const Filter& filter) {
    Filter normalized = filter;
    normalized.normalize();
    PARRHESIA_EXPECT(equal(filter, normalized));
    PARRHESIA_EXPECT(filter.memory_bytes() >= sizeof(Filter));
    for (const auto& event : events()) {
        const bool matched = matches(filter, event->view());
        PARRHESIA_EXPECT(matched == matches(filter, event->view()));
        PARRHESIA_EXPECT(!(matched && filter.never));
        PARRHESIA_EXPECT(matched == matches_any({filter}, event->view()));
    }
}

}  // namespace
}  // namespace parrhesia::event

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace event = parrhesia::event;
    static event::JsonReader reader;
    const std::string_view text(reinterpret_cast<const char*>(data), size);

    const auto filter = reader.filter(text);
    const auto again = reader.filter(text);
    PARRHESIA_EXPECT(filter.has_value() == again.has_value());
    if (filter) {
        PARRHESIA_EXPECT(event::equal(*filter, *again));
        event::check(*filter);
    } else {
        PARRHESIA_EXPECT(filter.error().text == again.error().text);
    }
    if (const auto filters = reader.filters(text)) {
        for (const auto& one : *filters) event::check(one);
    }
    return 0;
}
