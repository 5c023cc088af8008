#include "store/postgres/upkeep.hpp"

#include "parrhesia/base/log.hpp"
#include "parrhesia/event/kind.hpp"

#include "store/postgres/columns.hpp"
#include "store/postgres/removal.hpp"
#include "store/rules/tombstones.hpp"

#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <optional>
#include <utility>

namespace parrhesia::store::postgres {
namespace {

using std::chrono::steady_clock;

// "upkeep", for pg_try_advisory_lock(bigint).
constexpr const char* kUpkeepLock = "129117244548464";
constexpr std::chrono::milliseconds kTurn{250};  // of one run
constexpr std::chrono::seconds kLogInterval{60};
constexpr std::chrono::seconds kCountsInterval{10};
constexpr int kMostRemoved = 500;  // of one transaction
constexpr int kMostLookedAt = 2000;
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
constexpr Place kStart{kHighest, kHighest};

const Statement kFirstVanish{"upkeep_vanish",
                             "SELECT pubkey, until, seq FROM vanish_work ORDER BY seq LIMIT 1"};
const Statement kEndVanish{"upkeep_vanish_end",
                           "DELETE FROM vanish_work WHERE pubkey = $1::bytea AND seq = $2::bigint"};
const Statement kVanished{"upkeep_vanished",
                          "SELECT seq FROM event WHERE author = $1::bigint AND pubkey = $2::bytea"
                          " AND created_at <= $3::bigint AND seq < $4::bigint"
                          " ORDER BY created_at DESC, rank DESC LIMIT $5::bigint"};
const Statement kWraps{"upkeep_wraps",
                       "SELECT t.seq, t.created_at, t.rank, (SELECT e.id FROM event e"
                       " WHERE e.seq = t.seq AND t.kind = 1059 AND t.seq < $4::bigint)"
                       " FROM event_tag t WHERE t.key = $1::bigint"
                       " AND (t.created_at, t.rank) < ($2::bigint, $3::bigint)"
                       " ORDER BY t.created_at DESC, t.rank DESC LIMIT $5::bigint"};
const Statement kExpired{"upkeep_expired",
                         "SELECT seq, address, created_at, id FROM event"
                         " WHERE expires_at <= $1::bigint ORDER BY expires_at LIMIT $2::bigint"};
const Statement kRetention{
    "upkeep_retention",
    "SELECT seq, author_kind, kind, created_at, rank FROM event"
    " WHERE (author_kind, created_at, rank) < ($1::bigint, $2::bigint, $3::bigint)"
    " ORDER BY author_kind DESC, created_at DESC, rank DESC LIMIT $4::bigint"};
// Answers how many tombstones there were not before.
const Statement kPutWraps{"upkeep_put_wraps",
                          "WITH put AS (INSERT INTO tombstone (key, until)"
                          " SELECT key, 0 FROM unnest($1::bytea[]) AS w(key)"
                          " ON CONFLICT (key) DO NOTHING RETURNING 1) SELECT count(*) FROM put"};
const Statement kPutVersion{
    "upkeep_put_version",
    "WITH put AS (INSERT INTO tombstone (key, until, id)"
    " VALUES ($1::bytea, $2::bigint, $3::bytea) ON CONFLICT (key) DO UPDATE"
    " SET until = excluded.until, id = excluded.id WHERE excluded.until > tombstone.until"
    " OR (excluded.until = tombstone.until AND excluded.id < tombstone.id)"
    " RETURNING xmax = 0 AS added) SELECT count(*) FILTER (WHERE added) FROM put"};

[[nodiscard]] Rows ask(Connection& connection, const Statement& statement, Parameters& parameters) {
    connection.begin_pipeline();
    connection.send(statement, parameters);
    connection.flush_pipeline();
    Rows rows = connection.next();
    connection.end_pipeline();
    return rows;
}

}  // namespace

std::vector<Statement> upkeep_statements() {
    return {kFirstVanish, kEndVanish, kVanished,   kWraps,       kExpired,
            kRetention,   kPutWraps,  kPutVersion, kRemoveEvents};
}

Upkeep::Upkeep(Database& database) : database_(database), rules_(database.options().retention) {}

void Upkeep::run(Connection& connection) {
    if (!is_ours_ && !take_turn(connection)) return;
    const auto end = steady_clock::now() + kTurn;
    const auto has_time = [&end] { return steady_clock::now() < end; };
    while (remove_vanished(connection) && has_time()) {
    }
    while (remove_expired(connection) && has_time()) {
    }
    while (!rules_.empty() && retain(connection) && has_time()) {
    }
    if (steady_clock::now() >= counts_at_) sum_counts(connection);
    if (steady_clock::now() >= log_at_) tend_log(connection);
}

bool Upkeep::take_turn(Connection& connection) {
    const Rows rows =
        connection.execute(fmt::format("SELECT pg_try_advisory_lock({})", kUpkeepLock).c_str());
    is_ours_ = rows.bytes(0, 0) == "t";
    return is_ours_;
}

std::uint64_t Upkeep::remove(Connection& connection, const std::vector<std::int64_t>& seqs,
                             const std::vector<Statement>& statements,
                             std::vector<Parameters>& parameters) {
    connection.execute("BEGIN");
    std::int64_t removed = 0;
    try {
        std::int64_t tombstones = 0;
        for (std::size_t i = 0; i < statements.size(); ++i) {
            tombstones += ask(connection, statements[i], parameters[i]).int64(0, 0);
        }
        removed = remove_events(connection, seqs);
        connection.execute(
            fmt::format("INSERT INTO event_count VALUES ({}, {}); COMMIT", -removed, tombstones)
                .c_str());
    } catch (...) {
        if (!connection.is_broken()) connection.execute("ROLLBACK");
        throw;
    }
    return static_cast<std::uint64_t>(removed);
}

// The author's events first, then the gift wraps to the author.
bool Upkeep::remove_vanished(Connection& connection) {
    Parameters none;
    const Rows first = ask(connection, kFirstVanish, none);
    if (first.size() == 0) return false;
    const Vanish vanish{base::PubKey::from_raw(first.bytes(0, 0)), first.int64(0, 1),
                        static_cast<std::uint64_t>(first.int64(0, 2))};
    Parameters parameters;
    parameters.add(author_of(vanish.author.view())).add(vanish.author.view()).add(vanish.until);
    parameters.add(static_cast<std::int64_t>(vanish.seq)).add(std::int64_t{kMostRemoved});
    const Rows rows = ask(connection, kVanished, parameters);
    if (rows.size() == 0) return remove_wraps(connection, vanish);
    std::vector<std::int64_t> seqs;
    for (int row = 0; row < rows.size(); ++row) seqs.push_back(rows.int64(row, 0));
    std::vector<Parameters> nothing;
    vanished_ += remove(connection, seqs, {}, nothing);
    return true;
}

bool Upkeep::remove_wraps(Connection& connection, const Vanish& vanish) {
    if (wraps_of_ != vanish.seq) {
        wraps_of_ = vanish.seq;
        wraps_from_ = kStart;
    }
    Parameters parameters;
    parameters.add(tag_key('p', base::to_hex(vanish.author))).add(wraps_from_.created_at);
    parameters.add(wraps_from_.rank).add(static_cast<std::int64_t>(vanish.seq));
    parameters.add(std::int64_t{kMostRemoved});
    const Rows rows = ask(connection, kWraps, parameters);
    std::vector<std::int64_t> seqs;
    std::vector<std::string> keys;
    for (int row = 0; row < rows.size(); ++row) {
        if (rows.is_null(row, 3)) continue;
        seqs.push_back(rows.int64(row, 0));
        // Wraps are dated back at will, so their ids are kept and no time (NIP-59).
        keys.emplace_back(vanished_wrap_key(rows.bytes(row, 3), vanish.author.view()).view());
    }
    if (!seqs.empty()) {
        std::vector<Parameters> tombstones(1);
        tombstones.front().add(std::span<const std::string>(keys));
        vanished_ += remove(connection, seqs, {kPutWraps}, tombstones);
    }
    if (rows.size() == kMostRemoved) {
        wraps_from_ = {rows.int64(rows.size() - 1, 1), rows.int64(rows.size() - 1, 2)};
        return true;
    }
    Parameters end;  // unless a later request of the same author has come meanwhile
    end.add(vanish.author.view()).add(static_cast<std::int64_t>(vanish.seq));
    (void)ask(connection, kEndVanish, end);
    return true;
}

bool Upkeep::remove_expired(Connection& connection) {
    Parameters parameters;
    parameters.add(database_.unix_seconds()).add(std::int64_t{kMostRemoved});
    const Rows rows = ask(connection, kExpired, parameters);
    if (rows.size() == 0) return false;
    std::vector<std::int64_t> seqs;
    std::vector<Statement> statements;
    std::vector<Parameters> versions;
    for (int row = 0; row < rows.size(); ++row) {
        seqs.push_back(rows.int64(row, 0));
        if (rows.is_null(row, 1)) continue;
        // Only newer versions may follow one that has expired.
        statements.push_back(kPutVersion);
        Parameters& version = versions.emplace_back();
        version.add(expired_version_key(rows.bytes(row, 1)).view());
        version.add(rows.int64(row, 2)).add(rows.bytes(row, 3));
    }
    expired_ += remove(connection, seqs, statements, versions);
    return rows.size() == kMostRemoved;
}

bool Upkeep::retain(Connection& connection) {
    if (!is_walking_) {
        if (steady_clock::now() < retention_at_) return false;
        retention_at_ = steady_clock::now() + database_.options().retention_interval;
        walk_ = {kHighest, kStart, 0};
        is_walking_ = true;
    }
    Parameters parameters;
    parameters.add(walk_.author_kind).add(walk_.place.created_at);
    parameters.add(walk_.place.rank).add(std::int64_t{kMostLookedAt});
    const Rows rows = ask(connection, kRetention, parameters);
    std::vector<std::int64_t> seqs;
    Group walk = walk_;
    int row = 0;
    for (; row < rows.size() && seqs.size() < kMostRemoved; ++row) {
        const Place place{rows.int64(row, 3), rows.int64(row, 4)};
        const bool is_same = rows.int64(row, 1) == walk.author_kind;
        walk = {rows.int64(row, 1), place, is_same ? walk.count + 1 : 1};
        const auto kind = static_cast<event::Kind>(rows.int32(row, 2));
        if (rules_.covers(kind) &&
            !rules_.keeps(kind, place.created_at, walk.count, database_.unix_seconds())) {
            seqs.push_back(rows.int64(row, 0));
        }
    }
    std::vector<Parameters> nothing;
    if (!seqs.empty()) retained_ += remove(connection, seqs, {}, nothing);
    walk_ = walk;
    is_walking_ = row < rows.size() || rows.size() == kMostLookedAt;
    return is_walking_;
}

void Upkeep::sum_counts(Connection& connection) {
    counts_at_ = steady_clock::now() + kCountsInterval;
    connection.execute(
        "WITH gone AS (DELETE FROM event_count RETURNING events, tombstones)"
        " INSERT INTO event_count SELECT coalesce(sum(events), 0), coalesce(sum(tombstones), 0)"
        " FROM gone");
}

void Upkeep::tend_log(Connection& connection) {
    log_at_ = steady_clock::now() + kLogInterval;
    try {
        connection.execute(fmt::format("SELECT log_upkeep(make_interval(hours => {}))",
                                       database_.options().log_retention.count())
                               .c_str());
    } catch (const DatabaseError& error) {
        if (connection.is_broken()) throw;
        // A lock that somebody holds, or a right that is missing; the rows go to fanout_log_rest.
        base::log::warn("store: the partitions of fanout_log cannot be tended now: {}",
                        error.what());
    }
}

}  // namespace parrhesia::store::postgres
