#include "store/postgres/removal.hpp"

namespace parrhesia::store::postgres {

// By their places in the table, so that there is one way to find the tags: one look into the index
// for each. (Joined, the planner would walk over all tags while it takes the table for small.)
const Statement kRemoveEvents{"remove_events", R"sql(
WITH gone AS (
    DELETE FROM event WHERE seq = ANY($1::bigint[]) RETURNING seq, created_at, rank, tag_keys
), tags AS (
    DELETE FROM event_tag WHERE ctid = ANY(ARRAY(
        SELECT t.ctid FROM gone g CROSS JOIN LATERAL unnest(g.tag_keys) AS k(key)
        CROSS JOIN LATERAL (
            SELECT ctid FROM event_tag WHERE key = k.key AND created_at = g.created_at
            AND rank = g.rank AND seq = g.seq OFFSET 0
        ) t))
)
SELECT count(*) FROM gone)sql"};

std::int64_t remove_events(Connection& connection, std::span<const std::int64_t> seqs) {
    connection.begin_pipeline();
    Parameters parameters;
    parameters.add(seqs);
    connection.send(kRemoveEvents, parameters);
    connection.flush_pipeline();
    const std::int64_t count = connection.next().int64(0, 0);
    connection.end_pipeline();
    return count;
}

}  // namespace parrhesia::store::postgres
