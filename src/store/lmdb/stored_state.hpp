// The stored state as the embedded store has it: the indexes, and the recent events before them.
#pragma once

#include "store/lmdb/transaction.hpp"
#include "store/rules/recent_keys.hpp"
#include "store/rules/stored_state.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace parrhesia::store::lmdb {

// Lifetime: not beyond what it is made with. `txn` is a snapshot of the indexes no older than
// `known`; nothing is written in it meanwhile. Returns codes of LMDB.
class LmdbState final : public StoredState {
  public:
    LmdbState(const RecentKeys& known, const Transaction& txn) noexcept
        : known_(known), txn_(txn) {}

    [[nodiscard]] int find_seq(const Id& id, std::uint64_t& seq) const override;
    [[nodiscard]] int find_event(const Id& id, StoredEvent& stored) const override;
    [[nodiscard]] int find_version(const KeyBuffer& address,
                                   std::optional<StoredVersion>& version) const override;
    [[nodiscard]] int has_tombstones(bool& any) const override;
    [[nodiscard]] int find_tombstone(const KeyBuffer& key,
                                     std::optional<std::int64_t>& time) const override;
    [[nodiscard]] int find_expired_version(const KeyBuffer& address,
                                           std::optional<Version>& version) const override;
    [[nodiscard]] int find_pending_vanish(const base::PubKey& author,
                                          std::uint64_t& seq) const override;

  private:
    // Finds the value under a key of the database of tombstones; MDB_NOTFOUND too.
    [[nodiscard]] int get_tombstone(std::string_view key, std::string_view& value) const;

    const RecentKeys& known_;
    const Transaction& txn_;
};

}  // namespace parrhesia::store::lmdb
