#include "store/postgres/removal.hpp"

namespace parrhesia::store::postgres {

const Statement kRemoveEvents{
    "remove_events",
    "WITH gone AS (DELETE FROM event WHERE seq = ANY($1::bigint[])"
    " RETURNING seq, created_at, rank, tag_keys),"
    " tags AS (DELETE FROM event_tag t USING gone g CROSS JOIN LATERAL unnest(g.tag_keys) AS k(key)"
    " WHERE t.key = k.key AND t.created_at = g.created_at AND t.rank = g.rank AND t.seq = g.seq)"
    " SELECT count(*) FROM gone"};

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
