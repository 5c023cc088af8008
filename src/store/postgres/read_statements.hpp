// The statements of queries. Each reads some streams of events a little further: newest first, from
// where the last reading of the stream ended.
#pragma once

#include "store/postgres/connection.hpp"
#include "store/rules/access.hpp"

#include <vector>

namespace parrhesia::store::postgres {

// What every statement of a stream answers; one row per event looked at.
namespace column {
inline constexpr int kStream = 0;     // integer: which stream of the parameters
inline constexpr int kCreatedAt = 1;  // bigint
inline constexpr int kRank = 2;       // bigint
inline constexpr int kSeq = 3;        // bigint
inline constexpr int kXid = 4;        // xid8
inline constexpr int kKind = 5;       // integer
inline constexpr int kExpiresAt = 6;  // bigint or null
inline constexpr int kId =
    7;  // bytea; null with the rest when the event does not match, or has just gone
inline constexpr int kPubkey = 8;  // bytea
inline constexpr int kSize = 9;    // integer: of raw
inline constexpr int kRaw = 10;    // text; null when longer than kInlineBytes
}  // namespace column
// Longer events are fetched only once it is clear that they are wanted.
inline constexpr int kInlineBytes = 4096;

// The statement that reads streams of this sort; not for By::nothing.
//
// Parameters of ranges (author_kind, author, tag, kind, created_at), arrays with one element for
// each stream: number, key (author_kind, author, tag key, kind), and the created_at and rank before
// which to go on; then for all: since, the most rows of each, and the conditions below.
// Parameters of lookups (id, address), which are one stream: number, the array of ids or addresses,
// created_at, rank, since, the most rows, and the conditions.
// Conditions, null for none: kinds, authors, and twice tag keys of which the event has one.
[[nodiscard]] const Statement& read_statement(AccessPath::By by);

// seq and raw of the events with these seqs.
extern const Statement kReadRaw;
// The snapshot of the first slice; on a standby also the transactions below its end that have not
// committed, as an array: a standby's snapshot itself does not tell (its list is empty). Null:
// there may be too many.
extern const Statement kReadSnapshot;
extern const Statement kReadStandbySnapshot;
// The requests to vanish that are under way (read_vanishes()).
extern const Statement kReadVanishes;

// All that are prepared on a connection for queries.
[[nodiscard]] std::vector<Statement> read_statements();

}  // namespace parrhesia::store::postgres
