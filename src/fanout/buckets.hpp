// Lists of waiting filters by key, with removal in constant time per item.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <cassert>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace parrhesia::fanout {

// What a bucket holds: which subscription waits here, and which of its places this is.
struct BucketItem {
    std::uint32_t entry = 0;
    std::uint32_t place = 0;
};

// The way back: where one item of a subscription sits, and for which of its filters.
struct Place {
    std::uint32_t bucket = 0;
    std::uint32_t position = 0;
    std::uint32_t filter = 0;
};

// Invariant: no bucket but that of kEverything is empty.
class Buckets {
  public:
    // The bucket that every event looks into. A hash that happens to be 0 only shares it.
    static constexpr std::uint64_t kEverything = 0;

    Buckets() { buckets_.emplace_back(); }

    Place add(std::uint64_t key, BucketItem item, std::uint32_t filter) {
        const auto number = bucket_for(key);
        auto& items = buckets_[number].items;
        items.push_back(item);
        return {number, static_cast<std::uint32_t>(items.size() - 1), filter};
    }

    // The item that took the removed one's position, if one did: its Place is to be corrected.
    std::optional<BucketItem> remove(Place place) noexcept {
        auto& bucket = buckets_[place.bucket];
        assert(place.position < bucket.items.size());
        const auto last = bucket.items.back();
        bucket.items.pop_back();
        if (place.position < bucket.items.size()) {
            bucket.items[place.position] = last;
            return last;
        }
        if (bucket.items.empty() && bucket.key != kEverything) {
            number_of_.erase(bucket.key);
            // Not by assignment, after which a small_vector keeps its heap memory.
            std::destroy_at(&bucket);
            std::construct_at(&bucket);
            free_.push_back(place.bucket);
        }
        return std::nullopt;
    }

    [[nodiscard]] std::span<const BucketItem> find(std::uint64_t key) const noexcept {
        if (key == kEverything) return buckets_.front().items;
        const auto found = number_of_.find(key);
        if (found == number_of_.end()) return {};
        return buckets_[found->second].items;
    }

  private:
    struct Bucket {
        std::uint64_t key = kEverything;
        boost::container::small_vector<BucketItem, 2> items;  // most hold one or two
    };
    // The keys are hashes already.
    struct AsItIs {
        using is_avalanching = void;
        std::size_t operator()(std::uint64_t key) const noexcept { return key; }
    };

    std::uint32_t bucket_for(std::uint64_t key) {
        if (key == kEverything) return 0;
        if (const auto found = number_of_.find(key); found != number_of_.end()) {
            return found->second;
        }
        std::uint32_t number = 0;
        if (free_.empty()) {
            number = static_cast<std::uint32_t>(buckets_.size());
            buckets_.emplace_back();
        } else {
            number = free_.back();
            free_.pop_back();
        }
        buckets_[number].key = key;
        number_of_.emplace(key, number);
        return number;
    }

    boost::unordered_flat_map<std::uint64_t, std::uint32_t, AsItIs> number_of_;
    std::deque<Bucket> buckets_;  // the first is that of kEverything; a deque never moves them
    std::vector<std::uint32_t> free_;
};

}  // namespace parrhesia::fanout
