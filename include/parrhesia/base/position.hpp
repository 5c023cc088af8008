// Where an event stands in the commit order of the store, and how far a reader has seen.
//
// A stored query takes a Mark in the snapshot it reads; a live event carries its Position. An event
// is for the live path exactly if the mark does not cover it (cluster.md 2.0, fact 2): no clock, no
// cache of recent ids, exact at the REQ boundary.
#pragma once

#include <compare>
#include <cstdint>

namespace parrhesia::base {

// Embedded store: `seq` is the local_seq, from 1, in commit order. 0 means never stored
// (ephemeral).
struct Position {
    std::uint64_t seq = 0;
    // NOLINTNEXTLINE(modernize-use-nullptr): as in bytes.hpp
    friend auto operator<=>(const Position&, const Position&) = default;
};

class Mark {
  public:
    Mark() = default;  // covers nothing
    explicit Mark(std::uint64_t seq) noexcept : seq_(seq) {}

    [[nodiscard]] bool covers(Position position) const noexcept {
        return position.seq != 0 && position.seq <= seq_;
    }
    [[nodiscard]] std::uint64_t seq() const noexcept { return seq_; }

  private:
    std::uint64_t seq_ = 0;
};

}  // namespace parrhesia::base
