// Any bytes are a record from a file: refused, or one that can be read to its end without leaving
// it.
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"

#include "expect.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parrhesia::event {
namespace {

void check_inside(std::string_view part, std::string_view whole) {
    if (part.empty()) return;
    PARRHESIA_EXPECT(part.data() >= whole.data());
    PARRHESIA_EXPECT(part.data() + part.size() <= whole.data() + whole.size());
}

void check(const EventView& view, std::string_view record) {
    PARRHESIA_EXPECT(view.record() == record);
    PARRHESIA_EXPECT(view.created_at() >= 0);
    PARRHESIA_EXPECT(view.expiration() >= 0);
    PARRHESIA_EXPECT(view.id_bytes().size() == Id::kSize);
    PARRHESIA_EXPECT(view.pubkey_bytes().size() == PubKey::kSize);
    PARRHESIA_EXPECT(view.id().view() == view.id_bytes());
    PARRHESIA_EXPECT(view.pubkey().view() == view.pubkey_bytes());
    check_inside(view.id_bytes(), record);
    check_inside(view.pubkey_bytes(), record);
    check_inside(view.json(), record);
    check_inside(view.identifier(), record);

    // Reading each byte lets the sanitizer judge too.
    std::size_t sum = view.is_protected() ? 1 : 0;
    for (const char c : view.json()) sum += static_cast<unsigned char>(c);
    for (const auto tag : view.tags()) {
        check_inside(tag.value, record);
        for (const char c : tag.value) sum += static_cast<unsigned char>(c);
    }
    PARRHESIA_EXPECT(sum > 0);

    // A filter made of the record's own values matches it.
    Filter own;
    own.ids = {view.id()};
    own.authors = {view.pubkey()};
    own.kinds = {view.kind()};
    own.since = view.created_at();
    own.until = view.created_at();
    for (const auto tag : view.tags()) {
        own.tags = {{tag.name, {std::string(tag.value)}}};
        PARRHESIA_EXPECT(matches(own, view));
    }
    own.tags.clear();
    PARRHESIA_EXPECT(matches(own, view));
}

}  // namespace
}  // namespace parrhesia::event

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace event = parrhesia::event;
    const std::string_view record(reinterpret_cast<const char*>(data), size);
    if (const auto view = event::EventView::from_record(record)) event::check(*view, record);
    return 0;
}
