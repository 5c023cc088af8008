#include "store/postgres/store.hpp"

#include "parrhesia/base/log.hpp"

#include "store/postgres/scan.hpp"
#include "store/postgres/schema.hpp"
#include "store/postgres/write_batch.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <random>
#include <stdexcept>
#include <utility>

namespace parrhesia::store::postgres {

using base::Errc;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kFirstBackoff{50};
constexpr milliseconds kLongestBackoff{1000};
constexpr milliseconds kAliveTimeout{3000};
constexpr milliseconds kStatsTimeout{2000};
constexpr std::chrono::minutes kMigrationTimeout{10};
constexpr int kMostAttempts = 5;

[[nodiscard]] std::uint64_t number(const Rows& rows, int column) {
    const std::string_view text = rows.bytes(0, column);
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

PostgresStore::Metrics PostgresStore::metrics_in(base::MetricsRegistry* registry) {
    if (registry == nullptr) return {};
    const auto connects = [registry](const char* outcome) {
        return &registry->counter("parrhesia_postgres_connects_total",
                                  "Connections of the thread that watches the database, by outcome",
                                  {{"outcome", outcome}});
    };
    return {&registry->gauge("parrhesia_postgres_up", "1 while the database answers, else 0"),
            &registry->gauge("parrhesia_postgres_replicas_usable",
                             "Replicas that queries may read from now"),
            connects("made"), connects("failed"),
            &registry->counter("parrhesia_postgres_batch_retries_total",
                               "Batches written again after a deadlock, a race or a lost "
                               "connection")};
}

PostgresStore::PostgresStore(const PostgresOptions& options)
    : database_(options),
      metrics_(metrics_in(options.metrics)),
      reader_options_(database_.reader_options(options.connection)),
      readers_(reader_options_, database_.availability(),
               std::max<std::size_t>(options.read_connections, 1)),
      replicas_(database_),
      sources_{readers_, database_.availability(), replicas_, database_, fence_},
      upkeep_(database_) {
    if (const std::string problem = problem_of_connection(options.connection); !problem.empty()) {
        throw std::runtime_error("postgres.connection cannot be read: " + problem);
    }
    try {
        connect_control();
    } catch (const DatabaseError& error) {
        if (options.must_connect) {
            throw std::runtime_error("the database " + without_password(options.connection) +
                                     " cannot be used: " + error.what());
        }
        database_.availability().mark_down(error.what());
    }
    keeper_ = std::thread([this] { run_keeper(); });
    ::pthread_setname_np(keeper_.native_handle(), "store-postgres");
}

PostgresStore::~PostgresStore() {
    stopping_ = true;
    database_.availability().wake();
    keeper_.join();
}

void PostgresStore::connect_control() {
    control_.reset();
    upkeep_.new_connection();
    auto connection = database_.connect_control();
    const PostgresOptions& options = database_.options();
    if (options.migrate && !options.read_only) {
        // It may take its time, another relay's too.
        connection->execute("SET statement_timeout = 0");
        connection->set_patience(
            {steady_clock::now() + kMigrationTimeout, [this] { return stopping_.load(); }});
        const int found = migrate(*connection);
        if (found != needed_schema_version()) {
            base::log::info("store: the schema of the database was brought from version {} to {}",
                            found, needed_schema_version());
        }
        connection->execute(
            fmt::format("SET statement_timeout = {}", options.write_timeout.count()).c_str());
    } else {
        check_schema(*connection);
    }
    check_history(*connection);
    connection->set_patience({steady_clock::now() + options.write_timeout, {}});
    connection->prepare(upkeep_statements());
    control_ = std::move(connection);
    backoff_ = milliseconds(0);
    database_.availability().mark_up();
    if (metrics_.connects != nullptr) metrics_.connects->add();
}

void PostgresStore::run_keeper() {
    Availability& availability = database_.availability();
    while (!stopping_) {
        milliseconds pause = database_.options().upkeep_interval;
        try {
            if (!control_) connect_control();
            check_alive();
            availability.mark_up();
            replicas_.look(control_.get());
            tend();
        } catch (const std::exception& error) {
            const bool was_connecting = control_ == nullptr;
            control_.reset();
            if (stopping_) return;
            if (was_connecting && metrics_.failed_connects != nullptr) {
                metrics_.failed_connects->add();
            }
            availability.mark_down(error.what());
            replicas_.look(nullptr);
            pause = next_backoff();
        }
        if (metrics_.up != nullptr) {
            metrics_.up->set(availability.is_up() ? 1 : 0);
            metrics_.usable_replicas->set(static_cast<std::int64_t>(replicas_.usable()));
        }
        availability.wait(pause);
    }
}

void PostgresStore::check_alive() {
    control_->set_patience(
        {steady_clock::now() + kAliveTimeout, [this] { return stopping_.load(); }});
    const Rows rows = control_->execute("SELECT pg_is_in_recovery()");
    if (rows.bytes(0, 0) == "t" && !database_.options().read_only) {
        throw std::runtime_error("the server is a standby");
    }
}

void PostgresStore::tend() {
    if (database_.options().read_only) return;
    control_->set_patience({steady_clock::now() + database_.options().write_timeout,
                            [this] { return stopping_.load(); }});
    try {
        upkeep_.run(*control_);
    } catch (const DatabaseError& error) {
        base::log::debug("store: a step of upkeep failed: {}", error.what());
        if (control_->is_broken()) control_.reset();  // the next round says whether it is away
    }
}

// Doubles from round to round, and differs from relay to relay: they do not all come at once.
milliseconds PostgresStore::next_backoff() {
    backoff_ = std::clamp(2 * backoff_, kFirstBackoff, kLongestBackoff);
    thread_local std::minstd_rand random(std::random_device{}());
    std::uniform_int_distribution<milliseconds::rep> jitter(backoff_.count() / 2, backoff_.count());
    return milliseconds(jitter(random));
}

std::vector<PutResult> PostgresStore::put(std::span<const EventPtr> batch) {
    std::vector<PutResult> results(batch.size());
    for (std::size_t at = 0; at < batch.size(); at += kMostBatchEvents) {
        const std::size_t size = std::min(kMostBatchEvents, batch.size() - at);
        put_into(batch.subspan(at, size), std::span(results).subspan(at, size));
    }
    return results;
}

void PostgresStore::put_into(std::span<const EventPtr> batch, std::span<PutResult> results) {
    const base::error_code error = put_part(batch, results);
    if (error) std::fill(results.begin(), results.end(), PutResult{PutStatus::failed, {}, error});
}

base::error_code PostgresStore::put_part(std::span<const EventPtr> batch,
                                         std::span<PutResult> results) {
    const PostgresOptions& options = database_.options();
    if (options.read_only) return Errc::store_not_writable;
    if (!database_.availability().is_up()) return Errc::store_unavailable;
    for (int attempt = 1;; ++attempt) {
        bool is_unknown = false;
        try {
            if (!writer_) {
                auto connection = database_.connect_writer();
                database_.pass_marks(*connection);
                writer_ = std::move(connection);
            }
            writer_->set_patience(database_.patience(options.write_timeout));
            WriteBatch write(*writer_, options.relay_urls);
            try {
                write.store(batch, results);
            } catch (...) {
                is_unknown = write.is_committing();
                if (is_unknown) remember_unknown(write, batch);
                throw;
            }
            raise_fence();
            recognize_unknown(batch, results);
            if (trouble_.exchange(Errc{}) != Errc{}) {
                base::log::info("store: the database can be written again");
            }
            return {};
        } catch (const DatabaseError& error) {
            const bool was_broken = !writer_ || writer_->is_broken();
            if (was_broken) writer_.reset();
            const bool may_succeed =
                error.is_retryable() ||
                (error.kind() == DatabaseError::Kind::lost && database_.availability().is_up());
            if (!is_unknown && may_succeed && attempt < kMostAttempts) {
                base::log::debug("store: a batch is tried again: {}", error.what());
                if (metrics_.retries != nullptr) metrics_.retries->add();
                continue;
            }
            if (error.is_refusal_of_data()) {
                if (batch.size() > 1) return put_halves(batch, results);
                base::log::warn("store: the event {} cannot be stored: {}",
                                base::to_hex(batch.front()->id()), error.what());
                return Errc::store_not_writable;
            }
            return meaning_of(error);
        } catch (const std::exception& error) {  // out of memory
            writer_.reset();
            note_trouble(Errc::store_unavailable, error.what());
            return Errc::store_unavailable;
        }
    }
}

// From now on queries go to replicas only if they have replayed this. If it cannot be told how much
// that is, none goes there until the next batch has told.
void PostgresStore::raise_fence() {
    if (replicas_.empty()) return;
    try {
        const Rows rows = writer_->execute("SELECT pg_current_wal_insert_lsn()");
        fence_ = parse_lsn(rows.bytes(0, 0));
    } catch (const DatabaseError& error) {
        fence_ = kNoLsn;
        if (writer_->is_broken()) writer_.reset();
        base::log::debug("store: no place in the log after a commit: {}", error.what());
    }
}

// The connection broke while the database committed. If it did, and an event comes again, it is a
// duplicate there, and yet nobody has been told of it.
void PostgresStore::remember_unknown(const WriteBatch& write, std::span<const EventPtr> batch) {
    constexpr std::size_t kMost = 100'000;
    if (unknown_.size() + batch.size() > kMost) unknown_.clear();
    for (const EventPtr& event : batch) {
        unknown_.insert_or_assign(event->id(), Unknown{write.first_seq(), write.xid()});
    }
}

void PostgresStore::recognize_unknown(std::span<const EventPtr> batch,
                                      std::span<PutResult> results) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
        PutResult& result = results[i];
        const std::uint64_t stored_seq =
            result.status == PutStatus::duplicate ? result.position.seq : 0;
        if (result.status == PutStatus::duplicate) result.position = {};
        if (unknown_.empty()) continue;
        const auto found = unknown_.find(batch[i]->id());
        if (found == unknown_.end()) continue;
        const auto [first_seq, xid] = found->second;
        unknown_.erase(found);
        // Of a batch of ours, not of another relay's.
        if (stored_seq < first_seq || stored_seq - first_seq >= kSeqsOfABatch) continue;
        result.status = PutStatus::stored;
        result.position.seq = xid;
    }
}

// So that one event that the database does not take holds up no others.
base::error_code PostgresStore::put_halves(std::span<const EventPtr> batch,
                                           std::span<PutResult> results) {
    const std::size_t half = batch.size() / 2;
    put_into(batch.first(half), results.first(half));
    put_into(batch.subspan(half), results.subspan(half));
    return {};
}

base::error_code PostgresStore::meaning_of(const DatabaseError& error) {
    if (error.kind() != DatabaseError::Kind::statement) {
        if (error.kind() != DatabaseError::Kind::cancelled) {
            database_.availability().mark_down(error.what());
        }
        return Errc::store_unavailable;
    }
    const Errc errc =
        error.is_refusal_to_write() ? Errc::store_not_writable : Errc::store_unavailable;
    note_trouble(errc, error.what());
    return errc;
}

void PostgresStore::note_trouble(Errc errc, std::string_view why) {
    if (trouble_.exchange(errc) != errc) {
        base::log::error("store: events cannot be stored: {}. They are refused until they can.",
                         why);
    }
}

std::unique_ptr<Scan> PostgresStore::scan(std::vector<Filter> filters, ScanOptions options) {
    return std::make_unique<PostgresScan>(sources_, database_.options().read_timeout,
                                          std::move(filters), std::move(options));
}

base::error_code PostgresStore::writable() const noexcept {
    if (database_.options().read_only) return Errc::store_not_writable;
    if (!database_.availability().is_up()) return Errc::store_unavailable;
    const Errc trouble = trouble_.load();
    return trouble == Errc{} ? base::error_code() : base::error_code(trouble);
}

StoreStats PostgresStore::stats() const {
    const std::scoped_lock lock(stats_mutex_);
    try {
        const ConnectionPool::Lease connection = readers_.borrow(database_.patience(kStatsTimeout));
        const Rows rows = connection->execute(
            "SELECT coalesce(sum(events), 0), coalesce(sum(tombstones), 0),"
            " (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM batch),"
            " (SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c"
            "  WHERE c.relnamespace = 'parrhesia'::regnamespace AND c.relkind = 'r')"
            " FROM event_count");
        last_stats_.events = number(rows, 0);
        last_stats_.tombstones = number(rows, 1);
        last_stats_.last_seq = number(rows, 2);
        last_stats_.bytes_on_disk = number(rows, 3);
    } catch (const DatabaseError& error) {  // the last ones are the best there are
        base::log::debug("store: no statistics: {}", error.what());
    }
    last_stats_.expired_removed = upkeep_.expired();
    last_stats_.vanish_removed = upkeep_.vanished();
    last_stats_.retention_removed = upkeep_.retained();
    return last_stats_;
}

}  // namespace parrhesia::store::postgres

namespace parrhesia::store {

std::unique_ptr<EventStore> open_postgres_store(const PostgresOptions& options) {
    return std::make_unique<postgres::PostgresStore>(options);
}

Migration migrate_postgres(const PostgresOptions& options) {
    if (const std::string problem = problem_of_connection(options.connection); !problem.empty()) {
        throw std::runtime_error("postgres.connection cannot be read: " + problem);
    }
    try {
        const postgres::Database database(options);
        const auto connection = database.connect_control();
        connection->execute("SET statement_timeout = 0");
        connection->set_patience({});
        Migration result;
        result.found = postgres::migrate(*connection);
        result.reached = postgres::needed_schema_version();
        return result;
    } catch (const postgres::DatabaseError& error) {
        throw std::runtime_error("the database " + without_password(options.connection) +
                                 " cannot be used: " + error.what());
    }
}

int postgres_schema_version() noexcept { return postgres::needed_schema_version(); }

}  // namespace parrhesia::store
