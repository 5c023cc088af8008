// What the rules of admission ask of a store: what it has, what it must not take back.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/rules/keys.hpp"
#include "store/rules/recent_keys.hpp"
#include "store/rules/replacement.hpp"

#include <cstdint>
#include <optional>

namespace parrhesia::store {

struct StoredEvent {
    std::uint64_t seq = 0;  // 0: there is none
    EventView event;        // valid as long as the stored state is
};

// One state of the store, which does not change while somebody asks. What has been replaced or
// deleted is not there, whether it has been removed yet or not.
//
// A seq names a stored event, and is higher than that of any event stored before it which the same
// author or recipient has to do with.
//
// Each returns 0, or a code of the implementation's own; the answer is then not set.
class StoredState {
  public:
    virtual ~StoredState() = default;
    [[nodiscard]] virtual int find_seq(const Id& id, std::uint64_t& seq) const = 0;  // 0: none
    [[nodiscard]] virtual int find_event(const Id& id, StoredEvent& stored) const = 0;
    [[nodiscard]] virtual int find_version(const KeyBuffer& address,
                                           std::optional<StoredVersion>& version) const = 0;
    // Whether any of the questions below can have an answer.
    [[nodiscard]] virtual int has_tombstones(bool& any) const = 0;
    // The time of the tombstone with this key (tombstones.hpp).
    [[nodiscard]] virtual int find_tombstone(const KeyBuffer& key,
                                             std::optional<std::int64_t>& time) const = 0;
    [[nodiscard]] virtual int find_expired_version(const KeyBuffer& address,
                                                   std::optional<Version>& version) const = 0;
    // The seq of the author's request to vanish whose events are not all removed yet; 0: none.
    [[nodiscard]] virtual int find_pending_vanish(const base::PubKey& author,
                                                  std::uint64_t& seq) const = 0;
};

}  // namespace parrhesia::store
