// Applies the rules of retention, a little at a time: walks over all events by author and kind,
// newest first, and removes what is too old or too many.
#pragma once

#include "parrhesia/store/retention.hpp"

#include "store/lmdb/keys.hpp"
#include "store/lmdb/transaction.hpp"
#include "store/rules/retention_rules.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::store::lmdb {

// Threading: one thread.
class RetentionWalk {
  public:
    // One step looks at so many entries, and removes so many events, at most: some milliseconds.
    static constexpr std::size_t kLooks = 2000;
    static constexpr std::size_t kRemovals = 200;

    explicit RetentionWalk(std::vector<RetentionRule> rules) : rules_(std::move(rules)) {}

    struct Step {
        std::size_t removed = 0;
        bool pass_done = false;  // the next step begins another pass
    };
    // Goes on where the last step stopped; what it has removed counts once `txn`, a writing one, is
    // committed. If it is not, call restart(). Returns 0 or a code of LMDB.
    [[nodiscard]] int step(Transaction& txn, std::int64_t now_unix_seconds, Step& result);
    void restart() noexcept;

  private:
    [[nodiscard]] int look(Transaction& txn, std::int64_t now, bool& pass_done);

    const RetentionRules rules_;
    std::string next_key_;        // of the index author_kind; empty: a pass begins
    std::string group_;           // author and kind of the last entry
    std::uint64_t in_group_ = 0;  // entries seen of it
    std::vector<std::uint64_t> doomed_;
};

}  // namespace parrhesia::store::lmdb
