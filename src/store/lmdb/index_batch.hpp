// Puts a batch of events that have their seqs already into the indexes, inside one transaction.
//
// Nothing is decided here: the journal says which events are stored, and which each has replaced
// and deleted.
// Entries go into each index in the order of its keys, so that neighbours share the search and the
// page.
#pragma once

#include "store/lmdb/keys.hpp"
#include "store/lmdb/transaction.hpp"
#include "store/recent/recent_events.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace parrhesia::store::lmdb {

// Lives for one transaction. Nothing of it counts until that transaction has been committed.
//
// Errors: methods return 0 or a code of LMDB; the transaction must then be aborted.
class IndexBatch {
  public:
    explicit IndexBatch(Transaction& txn) noexcept : txn_(txn) {}

    // `events` in the order of their seqs. Those that the indexes have already are passed over.
    [[nodiscard]] int put(std::span<const SequencedEvent> events);

  private:
    struct Entry {
        std::uint64_t prefix = 0;  // the first bytes of the key, for the sort
        std::uint64_t seq = 0;
        std::uint32_t key_at = 0;  // into keys_
        std::uint16_t key_size = 0;
        Kind kind = 0;
    };

    // Takes away what events of this batch replace and delete; `absent` gets the seqs of those
    // that need not be put at all.
    [[nodiscard]] int remove_targets(std::span<const SequencedEvent> events,
                                     std::unordered_set<std::uint64_t>& absent);
    [[nodiscard]] int put_event(const SequencedEvent& event);
    [[nodiscard]] int put_tombstones(const SequencedEvent& event);
    void collect_entries(const SequencedEvent& event);
    [[nodiscard]] int put_entries(Index index);
    [[nodiscard]] std::string_view key_of(const Entry& entry) const noexcept {
        return std::string_view(keys_).substr(entry.key_at, entry.key_size);
    }

    Transaction& txn_;
    std::string keys_;
    std::array<std::vector<Entry>, kIndexCount> entries_;
    std::string removed_record_;
};

}  // namespace parrhesia::store::lmdb
