// What the micro-benchmarks work on: events of the same corpus that parrhesia_bench publishes.
#pragma once

#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace parrhesia::bench {

struct Samples {
    event::EventPtr note;      // with e, p and t tags
    event::EventPtr contacts;  // 500 p tags
    event::EventPtr article;   // long-form, the longest of a few thousand events
};

// Made at the first call.
[[nodiscard]] const Samples& samples();

// The first `count` events of the corpus of seed 1 with 1000 authors.
[[nodiscard]] std::vector<event::EventPtr> corpus_events(std::size_t count);

// Errors: throws std::runtime_error, since the filters are our own.
[[nodiscard]] event::Filter filter_of(std::string_view json);

}  // namespace parrhesia::bench
