#include "store/postgres/read_statements.hpp"

#include <fmt/format.h>

#include <cassert>
#include <string>

namespace parrhesia::store::postgres {
namespace {

// Whether the event `e` fulfils the conditions, as far as the database looks at them.
constexpr const char* kMatches = R"sql(
    ($7::int[] IS NULL OR e.kind = ANY($7::int[]))
    AND ($8::bigint[] IS NULL OR e.author = ANY($8::bigint[]))
    AND ($9::bigint[] IS NULL OR e.tag_keys && $9::bigint[])
    AND ($10::bigint[] IS NULL OR e.tag_keys && $10::bigint[]))sql";

// The last columns.
[[nodiscard]] std::string found() {
    return fmt::format(R"sql(
    CASE WHEN {0} THEN e.id END AS id, e.pubkey, octet_length(e.raw) AS size,
    CASE WHEN octet_length(e.raw) <= {1} AND {0} THEN e.raw END AS raw)sql",
                       kMatches, kInlineBytes);
}

// Goes on with each stream from its place in the table `t`, along an index that begins with the
// columns that `key` compares.
[[nodiscard]] std::string walk(const char* columns, const char* table, const char* key) {
    return fmt::format(R"sql(
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[]) AS s(n, key, created_at, rank)
CROSS JOIN LATERAL (
    SELECT {0} FROM {1} WHERE {2}
    AND (created_at, rank) < (s.created_at, s.rank) AND created_at >= $5::bigint
    ORDER BY created_at DESC, rank DESC LIMIT $6::bigint
))sql",
                       columns, table, key);
}

[[nodiscard]] std::string event_range(const char* key) {
    const std::string columns =
        "e.created_at, e.rank, e.seq, e.ingest_xid, e.kind, e.expires_at," + found();
    return "SELECT s.n, r.*" + walk(columns.c_str(), "event e", key) + " r";
}

// The tag's row knows the kind, so that events of other kinds are not visited.
[[nodiscard]] std::string tag_range() {
    return "SELECT s.n, t.created_at, t.rank, t.seq, e.ingest_xid, t.kind, e.expires_at," +
           found() + walk("created_at, rank, seq, kind", "event_tag", "event_tag.key = s.key") +
           R"sql( t
LEFT JOIN LATERAL (
    SELECT * FROM event WHERE event.seq = t.seq
    AND ($7::int[] IS NULL OR t.kind = ANY($7::int[])) OFFSET 0
) e ON true)sql";
}

// OFFSET keeps the lookup from becoming a filter of a walk along created_at.
[[nodiscard]] std::string lookup(const char* column) {
    return fmt::format(R"sql(
SELECT $1::int, e.created_at, e.rank, e.seq, e.ingest_xid, e.kind, e.expires_at,{0}
FROM (SELECT * FROM event WHERE {1} = ANY($2::bytea[]) OFFSET 0) e
WHERE (e.created_at, e.rank) < ($3::bigint, $4::bigint) AND e.created_at >= $5::bigint
ORDER BY e.created_at DESC, e.rank DESC LIMIT $6::bigint)sql",
                       found(), column);
}

// Made once; the statements point into them.
const std::string kByIdText = lookup("id");
const std::string kByAddressText = lookup("address");
const std::string kByAuthorKindText = event_range("e.author_kind = s.key");
const std::string kByAuthorText = event_range("e.author = s.key");
const std::string kByTagText = tag_range();
const std::string kByKindText = event_range("e.kind = s.key::int");
const std::string kByCreatedAtText = event_range("s.key IS NOT NULL");

const Statement kById{"read_id", kByIdText.c_str()};
const Statement kByAddress{"read_address", kByAddressText.c_str()};
const Statement kByAuthorKind{"read_author_kind", kByAuthorKindText.c_str()};
const Statement kByAuthor{"read_author", kByAuthorText.c_str()};
const Statement kByTag{"read_tag", kByTagText.c_str()};
const Statement kByKind{"read_kind", kByKindText.c_str()};
const Statement kByCreatedAt{"read_created_at", kByCreatedAtText.c_str()};

}  // namespace

const Statement kReadRaw{"read_raw", "SELECT seq, raw FROM event WHERE seq = ANY($1::bigint[])"};
const Statement kReadSnapshot{"read_snapshot", "SELECT pg_current_snapshot()"};
const Statement kReadStandbySnapshot{
    "read_standby_snapshot",
    "SELECT s, CASE WHEN pg_snapshot_xmax(s)::text::bigint - pg_snapshot_xmin(s)::text::bigint"
    " <= 1000 THEN ARRAY(SELECT x FROM generate_series(pg_snapshot_xmin(s)::text::bigint,"
    " pg_snapshot_xmax(s)::text::bigint - 1) AS x"
    " WHERE pg_xact_status(x::text::xid8) IS DISTINCT FROM 'committed') END"
    " FROM (SELECT pg_current_snapshot() AS s OFFSET 0) snapshot"};
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
    return {kById,        kByAddress,   kByAuthorKind, kByAuthor,     kByTag,
            kByKind,      kByCreatedAt, kReadRaw,      kReadSnapshot, kReadStandbySnapshot,
            kReadVanishes};
}

}  // namespace parrhesia::store::postgres
