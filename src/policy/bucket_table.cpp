#include "policy/bucket_table.hpp"

#include <algorithm>
#include <bit>

namespace parrhesia::policy {
namespace {

constexpr std::uint64_t used(std::uint64_t key) noexcept { return key == 0 ? 1 : key; }

}  // namespace

BucketTable::BucketTable(std::size_t buckets)
    : mask_(std::bit_ceil(std::max(buckets, kWays) / kWays) - 1),
      sets_(std::make_unique<Set[]>(mask_ + 1)) {}

BucketTable::Place* BucketTable::find(Set& set, std::uint64_t key) noexcept {
    for (Place& place : set.places) {
        if (place.key.load(std::memory_order_relaxed) == key) return &place;
    }
    return nullptr;
}

BucketTable::Place& BucketTable::make_room(Set& set, std::uint64_t key) noexcept {
    Place* fullest = set.places.data();
    std::uint64_t fullest_key = 0;
    for (Place& place : set.places) {
        const std::uint64_t other = place.key.load(std::memory_order_relaxed);
        if (other == 0 || place.bucket.full_at() < fullest->bucket.full_at()) {
            fullest = &place;
        }
        if (other == 0) break;
    }
    fullest_key = fullest->key.load(std::memory_order_relaxed);
    if (fullest->key.compare_exchange_strong(fullest_key, key, std::memory_order_relaxed)) {
        fullest->bucket.fill();
    }
    // Another thread was faster: its key's bucket is as good as new, too, and lends us a token.
    return *fullest;
}

base::TokenBucket::Wait BucketTable::take(std::uint64_t key, const base::TokenRate& rate,
                                          base::SteadyTime now) noexcept {
    key = used(key);
    Set& set = set_of(key);
    Place* place = find(set, key);
    if (place == nullptr) place = &make_room(set, key);
    return place->bucket.take(rate, now);
}

void BucketTable::give_back(std::uint64_t key, const base::TokenRate& rate) noexcept {
    key = used(key);
    if (Place* place = find(set_of(key), key)) place->bucket.give_back(rate);
}

}  // namespace parrhesia::policy
