// What a batch needs to know of the database, looked up at once under the locks of its transaction.
#pragma once

#include "store/postgres/connection.hpp"
#include "store/rules/stored_state.hpp"
#include "store/rules/vanish.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace parrhesia::store::postgres {

// The keys that a batch has questions about, each list sorted and without duplicates.
struct Questions {
    std::vector<std::string> ids;         // of the events themselves
    std::vector<std::string> targets;     // ids that deletions name
    std::vector<std::string> addresses;   // of the events, and those that deletions name
    std::vector<std::string> tombstones;  // keys

    [[nodiscard]] static Questions of(std::span<const EventPtr> batch);
};

class PostgresState final : public StoredState {
  public:
    static const std::array<Statement, 4> kStatements;
    // Sends the questions into an open pipeline; takes the answers, in the same order, from it;
    // and, once the pipeline has ended, reads them.
    void ask(Connection& connection, const Questions& questions);
    void take_answers(Connection& connection, const Questions& questions);
    void read_answers();

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
    void read_targets();

    struct Tombstone {
        std::int64_t until = 0;
        std::string id;  // of an expired version
    };
    struct Answers {
        Rows ids;
        Rows versions;
        Rows tombstones;
        Rows targets;
        Rows vanishes;
    };
    Answers answers_;
    std::unordered_map<std::string, std::uint64_t> seqs_;      // by id
    std::unordered_map<std::string, EventPtr> targets_;        // by id
    std::unordered_map<std::string, StoredVersion> versions_;  // by address
    std::unordered_map<std::string, Tombstone> tombstones_;    // by key
    std::unordered_map<std::string, std::uint64_t> vanishes_;  // by author
};

// The requests in vanish_work, from the rows of "SELECT pubkey, until, seq FROM vanish_work".
[[nodiscard]] std::vector<Vanish> read_vanishes(const Rows& rows);

}  // namespace parrhesia::store::postgres
