// Which events the operator's rules of retention take, the same in every store.
#pragma once

#include "parrhesia/store/retention.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace parrhesia::store {

class RetentionRules {
  public:
    explicit RetentionRules(std::vector<RetentionRule> rules) : rules_(std::move(rules)) {}

    [[nodiscard]] bool empty() const noexcept { return rules_.empty(); }
    // Whether some rule may take an event of this kind.
    [[nodiscard]] bool covers(event::Kind kind) const noexcept;
    // Of an event that is the `count`th newest of its author and kind, from 1. For a kind that is
    // covered.
    [[nodiscard]] bool keeps(event::Kind kind, std::int64_t created_at, std::uint64_t count,
                             std::int64_t now) const noexcept;

  private:
    std::vector<RetentionRule> rules_;
};

}  // namespace parrhesia::store
