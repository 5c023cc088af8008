// Events without an author who signed them, for stores that are to be large soon: no store looks at
// signatures, and a signature costs more than everything else about an event.
#pragma once

#include "parrhesia/event/event.hpp"
#include "parrhesia/event/kind.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace parrhesia::bench {

// Shapes, tags and contents are those of a corpus (regular kinds only: a store keeps each of them);
// ids, authors and signatures are random bytes, times rise, and what refers to another event refers
// to one of a lower number, mostly a near one.
//
// Threading: const methods from any thread.
class UnsignedEvents {
  public:
    static constexpr std::int64_t kFirstTime = 1'600'000'000;
    static constexpr std::uint64_t kPerSecond = 4;

    explicit UnsignedEvents(std::uint64_t seed);

    // The event of that number, always the same.
    [[nodiscard]] event::EventPtr make(std::uint64_t number) const;
    [[nodiscard]] event::Id id_of(std::uint64_t number) const;

  private:
    struct Shape {
        event::Kind kind = 1;
        std::vector<std::vector<std::string>> tags;
        std::string content;
    };
    const std::uint64_t seed_;
    std::vector<Shape> shapes_;
};

}  // namespace parrhesia::bench
