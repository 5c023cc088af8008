// Decides what becomes of the events of one batch: stored with a seq, and what that takes away; a
// duplicate; superseded; or deleted before. docs/storage.md has the order of the rules.
//
// This is the only place that decides. The journal records it, the index batch applies it.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include "store/rules/recent_keys.hpp"
#include "store/rules/stored_state.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parrhesia::store {

// Lives for one batch. What it decides counts once the accepted events are durable.
//
// Lifetime: not beyond what it is made with.
class Admission {
  public:
    // `relay_urls`: those under which a request to vanish means us, normalized.
    Admission(const StoredState& state, std::uint64_t next_seq,
              const std::vector<std::string>& relay_urls)
        : state_(state), relay_urls_(relay_urls), next_seq_(next_seq) {}

    // Puts one result per event, as if the accepted ones were durable. Returns 0 or a code of the
    // stored state.
    [[nodiscard]] int decide(std::span<const EventPtr> batch, std::span<PutResult> results);

    // What is to be stored, and its keys. Once, after decide().
    [[nodiscard]] std::vector<SequencedEvent> take_accepted() noexcept {
        return std::move(accepted_);
    }
    [[nodiscard]] RecentKeys take_keys() noexcept { return std::move(keys_); }

  private:
    [[nodiscard]] int decide_one(const EventPtr& event, PutResult& result);
    // Sets result.status to deleted or superseded where a tombstone wants it.
    [[nodiscard]] int ask_tombstones(const EventView& event, PutResult& result);
    [[nodiscard]] int ask_vanish(const EventView& event, PutResult& result);
    [[nodiscard]] int ask_wrap(const EventView& event, PutResult& result);
    [[nodiscard]] int ask_address(const EventView& event, PutResult& result);
    // A duplicate that the store has, and is about to lose.
    [[nodiscard]] int ask_pending_vanish(const EventView& event, std::uint64_t seq,
                                         PutResult& result);
    [[nodiscard]] int collect_removals(const EventView& deletion,
                                       std::vector<std::uint64_t>& removes) const;

    // What is stored, once what has been decided of this batch has happened.
    [[nodiscard]] int find_seq(const Id& id, std::uint64_t& seq) const;
    [[nodiscard]] int find_event(const Id& id, StoredEvent& stored) const;
    [[nodiscard]] int find_version(const KeyBuffer& address,
                                   std::optional<StoredVersion>& version) const;
    [[nodiscard]] bool has_tombstones() const {
        return state_has_tombstones_ || keys_.has_tombstones();
    }
    [[nodiscard]] int find_tombstone(const KeyBuffer& key, std::optional<std::int64_t>& time) const;
    // The seq of the author's request to vanish that is under way; 0: none.
    [[nodiscard]] int find_pending_vanish(const base::PubKey& author, std::uint64_t& seq) const;

    const StoredState& state_;
    const std::vector<std::string>& relay_urls_;
    bool state_has_tombstones_ = false;
    std::uint64_t next_seq_;
    std::vector<SequencedEvent> accepted_;
    RecentKeys keys_;
};

}  // namespace parrhesia::store
