// Which events have been here lately: what arrives twice is delivered once.
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/seeded_hash.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace parrhesia::pipeline {

// Remembers the last kGeneration ids at least, and twice as many at most. Enough for the copies of
// one event on their way through the mesh; what comes again much later is held off by the store, if
// it is an event that is stored.
//
// Threading: one thread.
class RecentIds {
  public:
    static constexpr std::size_t kGeneration = 32'768;  // 1 MiB each, once full

    // False when it is there already.
    [[nodiscard]] bool insert(const base::Id& id) {
        if (older_.contains(id) || !newer_.insert(id).second) return false;
        if (newer_.size() < kGeneration) return true;
        std::swap(older_, newer_);
        newer_.clear();
        return true;
    }

  private:
    // Ids are hashes, but senders choose among them: without a seed they could meet in one place.
    struct Hash {
        std::uint64_t seed = base::random_seed();
        std::size_t operator()(const base::Id& id) const noexcept {
            return base::seeded_hash(id.view(), seed);
        }
    };
    using Generation = boost::unordered_flat_set<base::Id, Hash>;

    Generation newer_;
    Generation older_;
};

}  // namespace parrhesia::pipeline
