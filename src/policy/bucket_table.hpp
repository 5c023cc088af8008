// Token buckets of any number of keys in fixed memory.
#pragma once

#include "parrhesia/base/token_bucket.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace parrhesia::policy {

// Keys are hashes (base::seeded_hash). Each key has four places where its bucket may be, one cache
// line; where all four are taken, the fullest bucket makes room: what is forgotten is the least
// that can be. A key that is limited keeps its place longest.
//
// Threading: any thread, without a lock. A thread that recycles a place while another one takes
// from it may cost a key one token, or lend it a new bucket; nothing worse.
class BucketTable {
  public:
    // Rounded up to a power of two; 16 bytes each.
    explicit BucketTable(std::size_t buckets);

    // As TokenBucket::take().
    [[nodiscard]] base::TokenBucket::Wait take(std::uint64_t key, const base::TokenRate& rate,
                                               base::SteadyTime now) noexcept;
    // As TokenBucket::give_back(); no effect when the bucket is forgotten.
    void give_back(std::uint64_t key, const base::TokenRate& rate) noexcept;

    [[nodiscard]] std::size_t capacity() const noexcept { return (mask_ + 1) * kWays; }

  private:
    static constexpr std::size_t kWays = 4;
    struct Place {
        std::atomic<std::uint64_t> key{0};  // 0: free
        base::TokenBucket bucket;
    };
    struct alignas(64) Set {
        std::array<Place, kWays> places;
    };

    [[nodiscard]] Set& set_of(std::uint64_t key) noexcept { return sets_[key & mask_]; }
    [[nodiscard]] static Place* find(Set& set, std::uint64_t key) noexcept;
    [[nodiscard]] static Place& make_room(Set& set, std::uint64_t key) noexcept;

    std::uint64_t mask_;  // number of sets - 1
    std::unique_ptr<Set[]> sets_;
};

}  // namespace parrhesia::policy
