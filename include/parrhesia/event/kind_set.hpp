// A set of kinds, as an operator writes it: "1059", "1000-1999".
#pragma once

#include "parrhesia/event/kind.hpp"

#include <string_view>
#include <vector>

namespace parrhesia::event {

class KindSet {
  public:
    struct Range {
        Kind first = 0;
        Kind last = 0;  // itself included
        friend bool operator==(const Range&, const Range&) = default;
    };

    KindSet() = default;
    // False, and nothing added, when the text is neither a kind nor a range of kinds.
    [[nodiscard]] bool add(std::string_view text);
    [[nodiscard]] bool contains(Kind kind) const noexcept {
        for (const Range range : ranges_) {
            if (kind >= range.first && kind <= range.last) return true;
        }
        return false;
    }
    [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }

    // As they were added.
    [[nodiscard]] const std::vector<Range>& ranges() const noexcept { return ranges_; }

  private:
    std::vector<Range> ranges_;
};

}  // namespace parrhesia::event
