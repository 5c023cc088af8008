#include "store/postgres/read_statements.hpp"

#include <array>
#include <cassert>

namespace parrhesia::store::postgres {
namespace {

// The pieces, of which the statements are put together by the preprocessor: a statement is one
// string that can be read, and explained, as it is.

// Of an event `e`, if `matches`.
#define PARRHESIA_COLUMNS(matches)                                 \
    " CASE WHEN " matches                                          \
    " THEN e.id END AS id, e.pubkey, octet_length(e.raw) AS size," \
    " CASE WHEN octet_length(e.raw) <= 4096 AND " matches " THEN e.raw END AS raw"
#define PARRHESIA_MATCHES(kinds, authors, tags, more_tags) \
    "(" kinds " IS NULL OR e.kind = ANY(" kinds            \
    "))"                                                   \
    " AND (" authors " IS NULL OR e.author = ANY(" authors \
    "))"                                                   \
    " AND (" tags " IS NULL OR e.tag_keys && " tags        \
    ")"                                                    \
    " AND (" more_tags " IS NULL OR e.tag_keys && " more_tags ")"

#define PARRHESIA_RANGE_MATCHES \
    PARRHESIA_MATCHES("$8::int[]", "$9::bigint[]", "$10::bigint[]", "$11::bigint[]")
#define PARRHESIA_STREAMS                                                          \
    " FROM unnest($1::int[], $2::bigint[], $3::int[], $4::bigint[], $5::bigint[])" \
    " AS s(n, key, kind, created_at, rank) CROSS JOIN LATERAL ("
#define PARRHESIA_RANGE(table)           \
    " AND (" table ".created_at, " table \
    ".rank) < (s.created_at, s.rank)"    \
    " AND " table                        \
    ".created_at >= $6::bigint"          \
    " ORDER BY " table ".created_at DESC, " table ".rank DESC LIMIT $7::bigint"

// A stream of the events for which `condition` is true, along the index that has it.
#define PARRHESIA_EVENT_RANGE(condition)                                                         \
    "SELECT s.n, r.*" PARRHESIA_STREAMS                                                          \
    "SELECT e.created_at, e.rank, e.seq, e.ingest_xid, e.kind, e.expires_at," PARRHESIA_COLUMNS( \
        PARRHESIA_RANGE_MATCHES) " FROM event e WHERE " condition PARRHESIA_RANGE("e") ") r"

#define PARRHESIA_LOOKUP(column)                                                                   \
    "SELECT $1::int, e.created_at, e.rank, e.seq, e.ingest_xid, e.kind, "                          \
    "e.expires_at," PARRHESIA_COLUMNS(                                                             \
        PARRHESIA_MATCHES("$7::int[]", "$8::bigint[]", "$9::bigint[]",                             \
                          "$10::bigint[]")) /* OFFSET keeps the lookup from becoming a filter of a \
                                               walk along created_at. */                           \
        " FROM (SELECT * FROM event WHERE " column                                                 \
        " = ANY($2::bytea[]) OFFSET 0) e"                                                          \
        " WHERE (e.created_at, e.rank) < ($3::bigint, $4::bigint)"                                 \
        " AND e.created_at >= $5::bigint"                                                          \
        " ORDER BY e.created_at DESC, e.rank DESC LIMIT $6::bigint"

const Statement kById{"read_id", PARRHESIA_LOOKUP("id")};
const Statement kByAddress{"read_address", PARRHESIA_LOOKUP("address")};
const Statement kByAuthorKind{"read_author_kind",
                              PARRHESIA_EVENT_RANGE("e.author = s.key AND e.kind = s.kind")};
const Statement kByAuthor{"read_author", PARRHESIA_EVENT_RANGE("e.author = s.key")};
const Statement kByKind{"read_kind", PARRHESIA_EVENT_RANGE("e.kind = s.kind")};
const Statement kByCreatedAt{"read_created_at", PARRHESIA_EVENT_RANGE("s.key IS NOT NULL")};
// The tag's row knows the kind, so that events of other kinds are not visited.
const Statement kByTag{
    "read_tag",
    "SELECT s.n, t.created_at, t.rank, t.seq, e.ingest_xid, t.kind, e.expires_at,"
    PARRHESIA_COLUMNS(PARRHESIA_RANGE_MATCHES)
    PARRHESIA_STREAMS
    "SELECT t.created_at, t.rank, t.seq, t.kind FROM event_tag t WHERE t.key = s.key"
    PARRHESIA_RANGE("t") ") t"
    " LEFT JOIN LATERAL (SELECT * FROM event e WHERE e.seq = t.seq"
    " AND ($8::int[] IS NULL OR t.kind = ANY($8::int[])) OFFSET 0) e ON true"};

#undef PARRHESIA_COLUMNS
#undef PARRHESIA_MATCHES
#undef PARRHESIA_RANGE_MATCHES
#undef PARRHESIA_STREAMS
#undef PARRHESIA_RANGE
#undef PARRHESIA_EVENT_RANGE
#undef PARRHESIA_LOOKUP
static_assert(kInlineBytes == 4096, "the statements say it in words");

}  // namespace

const Statement kReadRaw{"read_raw", "SELECT seq, raw FROM event WHERE seq = ANY($1::bigint[])"};
const Statement kReadSnapshot{"read_snapshot", "SELECT pg_current_snapshot()"};
const Statement kReadVanishes{"read_vanishes", "SELECT pubkey, until, seq FROM vanish_work"};

const Statement& read_statement(AccessPath::By by) {
    using By = AccessPath::By;
    switch (by) {
        case By::id:
            return kById;
        case By::address:
            return kByAddress;
        case By::author_kind:
            return kByAuthorKind;
        case By::author:
            return kByAuthor;
        case By::tag:
            return kByTag;
        case By::kind:
            return kByKind;
        case By::nothing:
        case By::created_at:
            break;
    }
    assert(by == By::created_at);
    return kByCreatedAt;
}

std::vector<Statement> read_statements() {
    return {kById,   kByAddress,   kByAuthorKind, kByAuthor,     kByTag,
            kByKind, kByCreatedAt, kReadRaw,      kReadSnapshot, kReadVanishes};
}

}  // namespace parrhesia::store::postgres
