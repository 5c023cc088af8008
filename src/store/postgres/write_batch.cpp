#include "store/postgres/write_batch.hpp"

#include "store/postgres/columns.hpp"
#include "store/postgres/removal.hpp"
#include "store/rules/admission.hpp"
#include "store/rules/tombstones.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <map>
#include <set>
#include <unordered_set>

namespace parrhesia::store::postgres {
namespace {

// "nost": keeps our locks apart from others in the same database.
constexpr std::int32_t kLockSpace = 0x6e6f7374;
// Gift wraps to more than so many are locked against all deletions at once: the server's lock table
// is not large.
constexpr std::size_t kMostRecipientLocks = 500;
constexpr std::int32_t kAllRecipients = 0;

const Statement kLock{
    "batch_lock",
    "SELECT count(CASE WHEN l.exclusive THEN pg_advisory_xact_lock($1::int, l.key)::text"
    " ELSE pg_advisory_xact_lock_shared($1::int, l.key)::text END)"
    " FROM unnest($2::int[], $3::boolean[]) AS l(key, exclusive)"};
// After the locks: of two batches with a lock in common the later one has the higher seqs.
const Statement kNumbers{"batch_numbers", "SELECT nextval('batch'), pg_current_xact_id()"};
const Statement kTombstones{
    "batch_put_tombstones",
    "WITH put AS (INSERT INTO tombstone (key, until)"
    " SELECT * FROM unnest($1::bytea[], $2::bigint[])"
    " ON CONFLICT (key) DO UPDATE SET until = greatest(tombstone.until, excluded.until)"
    " RETURNING xmax = 0 AS added) SELECT count(*) FILTER (WHERE added) FROM put"};
const Statement kVanishWork{
    "batch_put_vanish_work",
    "INSERT INTO vanish_work (pubkey, until, seq) VALUES ($1::bytea, $2::bigint, $3::bigint)"
    " ON CONFLICT (pubkey) DO UPDATE SET until = greatest(vanish_work.until, excluded.until),"
    " seq = excluded.seq"};

[[nodiscard]] std::int32_t lock_key(std::string_view pubkey) noexcept {
    return static_cast<std::int32_t>(read_u64(pubkey.data()) >> 32);
}

struct TagRow {
    std::int64_t key;
    std::int64_t created_at;
    std::int64_t rank;
    std::uint64_t seq;
    std::int32_t kind;
    // NOLINTNEXTLINE(modernize-use-nullptr): as in bytes.hpp
    friend auto operator<=>(const TagRow&, const TagRow&) = default;
};

void add_event_row(const SequencedEvent& event, const std::vector<std::int64_t>& tag_keys,
                   CopyRows& rows) {
    const EventView view = event.event->view();
    rows.begin_row();
    rows.add(static_cast<std::int64_t>(event.seq));
    rows.add(view.created_at());
    rows.add(author_of(view.pubkey_bytes()));
    rows.add(author_kind_of(view.pubkey_bytes(), view.kind()));
    rows.add(rank_of(view.id_bytes()));
    if (view.expiration() != 0) {
        rows.add(view.expiration());
    } else {
        rows.add_null();
    }
    rows.add(std::int32_t{view.kind()});
    rows.add(view.id_bytes());
    rows.add(view.pubkey_bytes());
    if (has_address(view.kind())) {
        rows.add(address_key(view).view());
    } else {
        rows.add_null();
    }
    rows.add(std::span(tag_keys));
    rows.add(view.json());
}

}  // namespace

std::vector<Statement> write_statements() {
    std::vector<Statement> statements{kLock, kNumbers, kTombstones, kVanishWork, kRemoveEvents};
    statements.insert(statements.end(), PostgresState::kStatements.begin(),
                      PostgresState::kStatements.end());
    return statements;
}

Locks Locks::of(std::span<const EventPtr> batch) {
    std::map<std::int32_t, bool> locks;
    std::set<std::int32_t> recipients;
    for (const EventPtr& event : batch) {
        const EventView view = event->view();
        locks[lock_key(view.pubkey_bytes())] = true;
        if (view.kind() == event::kDeletion || view.kind() == event::kVanish) {
            locks.try_emplace(kAllRecipients, false);
        } else if (view.kind() == event::kGiftWrap) {
            for_each_recipient(view, [&recipients](std::string_view pubkey) {
                recipients.insert(lock_key(pubkey));
            });
        }
    }
    if (recipients.size() > kMostRecipientLocks) {
        locks[kAllRecipients] = true;
    } else {
        for (const std::int32_t key : recipients) locks.try_emplace(key, false);
    }
    Locks result;
    for (const auto& [key, exclusive] : locks) {
        result.keys.push_back(key);
        result.exclusive.push_back(exclusive);
    }
    return result;
}

void WriteBatch::store(std::span<const EventPtr> batch, std::span<PutResult> results) {
    assert(batch.size() <= kMostBatchEvents);
    begin(batch);
    try {
        Admission admission(state_, first_seq_, relay_urls_);
        if (admission.decide(batch, results) != 0) std::abort();  // the state has no codes
        write(admission.take_accepted());
    } catch (...) {
        rollback();
        throw;
    }
    for (PutResult& result : results) {
        if (result.status == PutStatus::stored) result.position.seq = xid_;
    }
}

void WriteBatch::begin(std::span<const EventPtr> batch) {
    const Locks locks = Locks::of(batch);
    const Questions questions = Questions::of(batch);
    connection_.begin_pipeline();
    connection_.send("BEGIN ISOLATION LEVEL READ COMMITTED");
    Parameters lock;
    lock.add(kLockSpace).add(std::span(locks.keys)).add_flags(locks.exclusive);
    connection_.send(kLock, lock);
    Parameters none;
    connection_.send(kNumbers, none);
    state_.ask(connection_, questions);
    connection_.flush_pipeline();
    try {
        (void)connection_.next();
        (void)connection_.next();
        const Rows numbers = connection_.next();
        first_seq_ = static_cast<std::uint64_t>(numbers.int64(0, 0)) * kSeqsOfABatch;
        xid_ = static_cast<std::uint64_t>(numbers.int64(0, 1));
        state_.take_answers(connection_, questions);
        connection_.end_pipeline();
        state_.read_answers();
    } catch (...) {
        rollback();
        throw;
    }
}

void WriteBatch::write(const std::vector<SequencedEvent>& accepted) {
    // Those that a later event of this batch has replaced or deleted are not written at all.
    std::unordered_set<std::uint64_t> gone;
    const auto doom = [&](std::uint64_t seq) {
        if (seq >= first_seq_) {
            gone.insert(seq);
        } else {
            doomed_.push_back(static_cast<std::int64_t>(seq));
        }
    };
    for (const SequencedEvent& event : accepted) {
        if (event.replaces != 0) doom(event.replaces);
        if (event.removes) std::for_each(event.removes->begin(), event.removes->end(), doom);
        if (!event.vanishes) continue;
        const EventView request = event.event->view();
        const Vanish vanish{request.pubkey(), request.created_at(), event.seq};
        for (const SequencedEvent& earlier : accepted) {
            const EventView view = earlier.event->view();
            if (!vanish.takes(earlier.seq, view)) continue;
            gone.insert(earlier.seq);
            if (view.pubkey() == vanish.author) continue;
            const KeyBuffer key = vanished_wrap_key(view.id_bytes(), request.pubkey_bytes());
            vanished_wraps_.emplace_back(key.view());
        }
    }
    remember(accepted);
    remove(std::move(doomed_));

    CopyRows events(12);
    CopyRows tags(5);
    CopyRows log(3);
    std::vector<TagRow> tag_rows;
    for (const SequencedEvent& event : accepted) {
        if (gone.contains(event.seq)) continue;
        const EventView view = event.event->view();
        const std::int64_t rank = rank_of(view.id_bytes());
        const std::vector<std::int64_t> keys = tag_keys_of(view);
        add_event_row(event, keys, events);
        for (const std::int64_t key : keys) {
            tag_rows.push_back({key, view.created_at(), rank, event.seq, view.kind()});
        }
        log.begin_row();
        log.add(static_cast<std::int64_t>(event.seq));
        log.add(view.id_bytes());
        log.add(std::int32_t{view.kind()});
    }
    // In the order of their index: many events have tags in common, and neighbours share pages.
    std::sort(tag_rows.begin(), tag_rows.end());
    for (const TagRow& row : tag_rows) {
        tags.begin_row();
        tags.add(row.key);
        tags.add(row.created_at);
        tags.add(row.rank);
        tags.add(static_cast<std::int64_t>(row.seq));
        tags.add(row.kind);
    }
    events_added_ += static_cast<std::int64_t>(events.rows());
    std::string sql;
    // An empty COPY is a round trip, too, and most batches of one event have no tags.
    std::vector<std::string_view> rows;
    const auto copy = [&](const char* command, CopyRows& what) {
        if (what.empty()) return;
        sql += command;
        rows.push_back(what.finish());
    };
    copy(
        "COPY event (seq, created_at, author, author_kind, rank, expires_at, kind, id, pubkey, "
        "address,"
        " tag_keys, raw) FROM STDIN (FORMAT binary);",
        events);
    copy("COPY event_tag (key, created_at, rank, seq, kind) FROM STDIN (FORMAT binary);", tags);
    copy("COPY fanout_log (seq, event_id, kind) FROM STDIN (FORMAT binary);", log);
    if (events_added_ != 0 || tombstones_added_ != 0) {
        sql += fmt::format("INSERT INTO event_count VALUES ({}, {});", events_added_,
                           tombstones_added_);
    }
    sql += "COMMIT";
    committing_ = true;
    connection_.copy(sql.c_str(), rows);
    committing_ = false;
}

// What must not come back, and which requests to vanish are to be worked on.
void WriteBatch::remember(const std::vector<SequencedEvent>& accepted) {
    std::map<std::string, std::int64_t> tombstones;
    std::map<std::string, std::pair<std::int64_t, std::uint64_t>> vanishes;
    for (const SequencedEvent& event : accepted) {
        for (Tombstone& tombstone : tombstones_of(event)) {
            std::int64_t& until = tombstones[std::move(tombstone.key)];
            until = std::max(until, tombstone.time);
        }
        if (!event.vanishes) continue;
        auto& [until, seq] = vanishes[std::string(event.event->view().pubkey_bytes())];
        until = std::max(until, event.event->created_at());
        seq = event.seq;
    }
    for (std::string& key : vanished_wraps_) tombstones.try_emplace(std::move(key), 0);
    if (tombstones.empty()) return;
    std::vector<std::string> keys;
    std::vector<std::int64_t> times;
    for (const auto& [key, until] : tombstones) {
        keys.push_back(key);
        times.push_back(until);
    }
    connection_.begin_pipeline();
    Parameters parameters;
    parameters.add(std::span<const std::string>(keys)).add(std::span<const std::int64_t>(times));
    connection_.send(kTombstones, parameters);
    for (const auto& [pubkey, work] : vanishes) {
        Parameters row;
        row.add(pubkey).add(work.first).add(static_cast<std::int64_t>(work.second));
        connection_.send(kVanishWork, row);
    }
    connection_.flush_pipeline();
    tombstones_added_ = connection_.next().int64(0, 0);
    for (std::size_t i = 0; i < vanishes.size(); ++i) (void)connection_.next();
    connection_.end_pipeline();
}

void WriteBatch::remove(std::vector<std::int64_t> seqs) {
    if (!seqs.empty()) events_added_ -= remove_events(connection_, seqs);
}

void WriteBatch::rollback() noexcept {
    if (connection_.is_broken()) return;
    committing_ = false;  // the server has refused a statement, so it has not come to the COMMIT
    try {
        connection_.execute("ROLLBACK");
    } catch (const DatabaseError&) {  // the connection is broken now
    }
}

}  // namespace parrhesia::store::postgres
