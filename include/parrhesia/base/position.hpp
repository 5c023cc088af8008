// Where an event stands in the commit order of the store, and how far a reader has seen.
//
// A stored query takes a Mark in the snapshot it reads; a live event carries its Position. An event
// is for the live path exactly if the mark does not cover it (cluster.md 2.0, fact 2): no clock, no
// cache of recent ids, exact at the REQ boundary.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace parrhesia::base {

// Embedded store: `seq` is the local_seq, from 1, in commit order. PostgreSQL: the id of the
// transaction (xid8), which all events of a batch share and which says nothing about the order of
// commits. 0 means never stored (ephemeral).
struct Position {
    std::uint64_t seq = 0;
    // NOLINTNEXTLINE(modernize-use-nullptr): as in bytes.hpp
    friend auto operator<=>(const Position&, const Position&) = default;
};

class Mark {
  public:
    using Seqs = std::vector<std::uint64_t>;

    Mark() = default;  // covers nothing
    explicit Mark(std::uint64_t last) noexcept : last_(last) {}
    // A snapshot of PostgreSQL: up to `last`, but for the transactions that were still open, in
    // ascending order; null: none was.
    Mark(std::uint64_t last, std::shared_ptr<const Seqs> open) noexcept
        : last_(last), open_(std::move(open)) {}

    [[nodiscard]] bool covers(Position position) const noexcept {
        if (position.seq == 0 || position.seq > last_) return false;
        return open_ == nullptr || !std::binary_search(open_->begin(), open_->end(), position.seq);
    }
    // The last position it may cover.
    [[nodiscard]] std::uint64_t seq() const noexcept { return last_; }

  private:
    std::uint64_t last_ = 0;
    std::shared_ptr<const Seqs> open_;
};

}  // namespace parrhesia::base
