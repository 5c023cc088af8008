// Random events and filters that meet often: few authors, few times, few tag values.
#pragma once

#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"
#include "parrhesia/event/verify.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::test {

// The same seed gives the same sequence. Kinds of every class, save those that act on other events
// (5, 62); no expiration tags. Tag values include empty ones, binary zeros, and pairs of long ones
// (more than 600 bytes) that differ only in their last byte.
class EventGenerator {
  public:
    explicit EventGenerator(std::uint64_t seed);

    // Signed by whom event() picks; created_at is from kFirstTime to kFirstTime + kTimeSpan - 1.
    [[nodiscard]] event::EventDraft draft();
    [[nodiscard]] event::EventPtr event();
    // Normalized; about one in twenty can match nothing (`never`). Half of the ids are of events
    // that this generator has made.
    [[nodiscard]] event::Filter filter();

    // A number from 0 to bound - 1.
    [[nodiscard]] std::size_t below(std::size_t bound);
    [[nodiscard]] bool one_in(std::size_t odds) { return below(odds) == 0; }
    [[nodiscard]] const std::vector<event::Keypair>& authors() const { return authors_; }

    static constexpr std::int64_t kFirstTime = 1'700'000'000;
    static constexpr std::int64_t kTimeSpan = 24;

  private:
    [[nodiscard]] event::Kind kind();
    [[nodiscard]] std::string tag_value(char name);
    [[nodiscard]] std::vector<std::string> tag();
    [[nodiscard]] std::string content();
    [[nodiscard]] event::Id known_id();

    std::mt19937_64 random_;
    std::vector<event::Keypair> authors_;
    std::vector<event::Id> ids_;  // of the newest events
    std::size_t next_id_ = 0;
};

// A signed event by the author of `seed`, for tests that say what they need.
[[nodiscard]] event::EventPtr make_event(std::string_view seed, const event::EventDraft& draft);

}  // namespace parrhesia::test
