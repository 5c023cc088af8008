#include "unsigned_events.hpp"

#include "parrhesia/base/bytes.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace parrhesia::bench {
namespace {

TEST(UnsignedEvents, AreRecordsThatAStoreTakes) {
    const UnsignedEvents events(1);
    for (std::uint64_t number = 0; number < 200; ++number) {
        const event::EventPtr event = events.make(number);
        EXPECT_TRUE(event::EventView::from_record(event->view().record()));
        EXPECT_EQ(event->id(), events.id_of(number));
        EXPECT_EQ(event::class_of(event->kind()), event::KindClass::regular);
    }
}

TEST(UnsignedEvents, TheSameNumberIsTheSameEvent) {
    const UnsignedEvents once(7);
    const UnsignedEvents again(7);
    const UnsignedEvents other(8);

    EXPECT_EQ(once.make(123'456)->json(), again.make(123'456)->json());
    EXPECT_NE(once.make(123'456)->json(), other.make(123'456)->json());
}

TEST(UnsignedEvents, IdsDifferAndTimesNeverFall) {
    const UnsignedEvents events(1);
    std::set<event::Id> ids;
    std::int64_t before = 0;
    for (std::uint64_t number = 0; number < 2000; ++number) {
        EXPECT_TRUE(ids.insert(events.id_of(number)).second) << number;
        const std::int64_t now = events.make(number)->created_at();
        EXPECT_LE(before, now);
        before = now;
    }
}

TEST(UnsignedEvents, ReferToEventsOfLowerNumbers) {
    const UnsignedEvents events(1);
    std::set<std::string> made;
    std::size_t references = 0;
    for (std::uint64_t number = 0; number < 500; ++number) {
        const event::EventPtr event = events.make(number);
        for (const event::IndexedTag& tag : event->view().tags()) {
            if (tag.name != 'e' || number == 0) continue;
            EXPECT_EQ(made.count(std::string(tag.value)), 1U) << number;
            ++references;
        }
        made.insert(base::to_hex(event->id()));
    }
    EXPECT_GT(references, 100U);
}

}  // namespace
}  // namespace parrhesia::bench
