// Work on the indexes that nobody waits for, in small steps: what a request to vanish takes
// (NIP-62), and what has expired (NIP-40).
#pragma once

#include "store/lmdb/environment.hpp"
#include "store/lmdb/keys.hpp"
#include "store/lmdb/transaction.hpp"
#include "store/lmdb/vanish_list.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::store::lmdb {

// Threading: step() from one thread at a time; the totals from any.
class Upkeep {
  public:
    Upkeep(Environment& environment, VanishMarks& marks)
        : environment_(environment), marks_(marks) {}

    // One transaction of bounded size. `more`: there is more to do at once. Returns 0 or a code of
    // LMDB, and then nothing has happened.
    [[nodiscard]] int step(std::int64_t now_unix_seconds, bool& more);

    // Whether requests to vanish may be under way.
    [[nodiscard]] bool has_vanishes() const noexcept {
        return marks_.finished.load() != marks_.started.load();
    }
    [[nodiscard]] std::uint64_t expired() const noexcept { return expired_.load(); }
    [[nodiscard]] std::uint64_t vanished() const noexcept { return vanished_.load(); }

  private:
    // How far the walk through the events that one request takes has come.
    struct Walk {
        enum class Stage : std::uint8_t { author, wraps, over };
        std::uint64_t request = 0;  // its seq
        Stage stage = Stage::author;
        SortKey at;  // the next one to look at
    };
    // What one step is to remove.
    struct Targets {
        std::vector<std::uint64_t> seqs;
        std::size_t looked_at = 0;

        [[nodiscard]] bool full() const noexcept;
    };

    [[nodiscard]] int vanish_step(std::int64_t now, bool& more);
    [[nodiscard]] int collect(const Transaction& txn, const Vanish& vanish, Walk& walk,
                              Targets& targets) const;
    [[nodiscard]] int remove_vanished(Transaction& txn, const Vanish& vanish, bool are_wraps,
                                      const Targets& targets, std::uint64_t& removed);
    [[nodiscard]] int expiry_step(std::int64_t now, bool& more);
    [[nodiscard]] int remove_expired(Transaction& txn, std::int64_t now, bool& more,
                                     std::uint64_t& removed);
    [[nodiscard]] int keep_version(Transaction& txn, const EventView& expired);

    Environment& environment_;
    VanishMarks& marks_;
    Walk walk_;
    std::string record_;
    std::atomic<std::uint64_t> expired_{0};
    std::atomic<std::uint64_t> vanished_{0};
};

}  // namespace parrhesia::store::lmdb
