// What is remembered of client addresses, in bounded memory.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/network.hpp"
#include "parrhesia/base/seeded_hash.hpp"
#include "parrhesia/base/token_bucket.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace parrhesia::base {

// One Value for each address (or network, whose host bits the caller has cleared). Connections hold
// theirs, so that nothing is looked up while they run; it stays for a while after the last of them,
// so that a new connection finds what the old one has used up.
//
// Value: default-constructible; `std::int64_t full_at() const noexcept` says from when on (steady
// clock, nanoseconds) it is as good as new.
//
// Invariant: at most `capacity` entries. A full table forgets the entry that is nearest to being as
// good as new among the few that were used least recently, those in use last; it never refuses.
// Threading: any thread; a mutex, taken once for each connection.
template <class Value>
class AddressTable {
  public:
    explicit AddressTable(std::size_t capacity)
        : capacity_(std::max<std::size_t>(capacity, 1)), by_address_(0, Hash{random_seed()}) {}

    [[nodiscard]] std::shared_ptr<Value> get(const IpAddress& address, SteadyTime now) {
        const std::scoped_lock lock(mutex_);
        expire(now);
        if (const auto found = by_address_.find(address); found != by_address_.end()) {
            entries_.splice(entries_.end(), entries_, found->second);
            return found->second->value;
        }
        if (entries_.size() >= capacity_) recycle();
        entries_.push_back({address, std::make_shared<Value>()});
        by_address_.emplace(address, std::prev(entries_.end()));
        return entries_.back().value;
    }

    [[nodiscard]] std::size_t size() const {
        const std::scoped_lock lock(mutex_);
        return entries_.size();
    }

  private:
    static constexpr int kExpireAtOnce = 2;  // more than come: the table shrinks again
    static constexpr int kRecycleAmong = 16;

    struct Entry {
        IpAddress address;
        std::shared_ptr<Value> value;
    };
    using Entries = std::list<Entry>;
    struct Hash {
        std::uint64_t seed;
        std::size_t operator()(const IpAddress& address) const noexcept {
            return seeded_hash(
                {reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()}, seed);
        }
    };

    static bool in_use(const Entry& entry) noexcept { return entry.value.use_count() > 1; }

    void forget(typename Entries::iterator entry) {
        by_address_.erase(entry->address);
        entries_.erase(entry);
    }

    // Looks at the entries that were used least recently.
    void expire(SteadyTime now) {
        for (int i = 0; i < kExpireAtOnce && !entries_.empty(); ++i) {
            const auto oldest = entries_.begin();
            if (!in_use(*oldest) && oldest->value->full_at() <= TokenBucket::nanoseconds(now)) {
                forget(oldest);
            } else {
                entries_.splice(entries_.end(), entries_, oldest);
            }
        }
    }

    void recycle() {
        auto best = entries_.begin();
        auto candidate = best;
        for (int i = 1; i < kRecycleAmong && ++candidate != entries_.end(); ++i) {
            const bool better = in_use(*candidate) == in_use(*best)
                                    ? candidate->value->full_at() < best->value->full_at()
                                    : in_use(*best);
            if (better) best = candidate;
        }
        forget(best);
    }

    const std::size_t capacity_;

    mutable std::mutex mutex_;
    // guarded by mutex_
    Entries entries_;  // the least recently used first
    std::unordered_map<IpAddress, typename Entries::iterator, Hash> by_address_;
};

}  // namespace parrhesia::base
