#include "store/lmdb/store.hpp"

#include "parrhesia/base/log.hpp"

#include "store/lmdb/error.hpp"
#include "store/lmdb/index_batch.hpp"
#include "store/lmdb/scan.hpp"
#include "store/lmdb/stored_state.hpp"
#include "store/lmdb/transaction.hpp"
#include "store/lmdb/write.hpp"
#include "store/rules/admission.hpp"

#include <exception>
#include <string>
#include <system_error>
#include <utility>

namespace parrhesia::store {
namespace lmdb {

namespace log = base::log;
using base::Errc;

std::vector<PutResult> LmdbStore::put(std::span<const EventPtr> batch) {
    std::vector<PutResult> results(batch.size());
    if (batch.empty()) return results;
    try {
        if (environment_.can_write() || environment_.try_to_become_writable()) {
            put_part(batch, results);
            // Nobody else does it here. What has vanished is hidden already.
            while (upkeep_.has_vanishes() && upkeep()) continue;
        } else {
            fail(results, Errc::store_not_writable, "it is open for reading only");
        }
    } catch (const std::exception& error) {  // out of memory: the transaction has been aborted
        fail(results, Errc::store_unavailable, error.what());
    }
    return results;
}

void LmdbStore::put_part(std::span<const EventPtr> events, std::span<PutResult> results) {
    const int code = write(environment_, [&](Transaction& txn) {
        std::uint64_t next_seq = 0;
        int result = txn.get_next_seq(next_seq);
        if (result != 0) return result;
        const RecentKeys none;  // all that is stored is in the indexes
        const LmdbState state(none, txn);
        Admission admission(state, next_seq, options_.relay_urls);
        result = admission.decide(events, results);
        if (result != 0) return result;
        const std::vector<SequencedEvent> accepted = admission.take_accepted();
        announce_vanishes(accepted);
        return IndexBatch(txn).put(accepted);
    });
    if (code == 0) return note_success();
    if (code == MDB_TXN_FULL && events.size() > 1) {
        const std::size_t half = events.size() / 2;
        put_part(events.first(half), results.first(half));
        put_part(events.subspan(half), results.subspan(half));
        return;
    }
    environment_.report_if_damaged(code);
    fail(results, meaning_of(code), text_of(code));
}

base::error_code LmdbStore::index(std::span<const SequencedEvent> events) {
    try {
        const int code = index_part(events);
        if (code == 0) {
            note_success();
            return {};
        }
        environment_.report_if_damaged(code);
        note_failure(meaning_of(code), text_of(code));
        return meaning_of(code);
    } catch (const std::exception& error) {  // out of memory: the transaction has been aborted
        note_failure(Errc::store_unavailable, error.what());
        return Errc::store_unavailable;
    }
}

// Before they are in the indexes, so that no scan misses them.
void LmdbStore::announce_vanishes(std::span<const SequencedEvent> events) noexcept {
    for (const SequencedEvent& event : events) {
        if (event.vanishes) ++vanishes_.started;
    }
}

int LmdbStore::index_part(std::span<const SequencedEvent> events) {
    announce_vanishes(events);
    int code = write(environment_, [&](Transaction& txn) { return IndexBatch(txn).put(events); });
    if (code == MDB_TXN_FULL && events.size() > 1) {
        const std::size_t half = events.size() / 2;
        code = index_part(events.first(half));
        if (code == 0) code = index_part(events.subspan(half));
    }
    return code;
}

bool LmdbStore::upkeep() noexcept {
    if (!environment_.can_write()) return false;
    try {
        bool more = false;
        const int code = upkeep_.step(unix_seconds(), more);
        if (code == 0) return more;
        environment_.report_if_damaged(code);
        log::debug("store: a step of upkeep failed: {}", text_of(code));
    } catch (const std::exception& error) {  // out of memory: the transaction has been aborted
        log::error("store: a step of upkeep failed: {}", error.what());
    }
    return false;
}

bool LmdbStore::retain(RetentionWalk& walk) noexcept {
    if (!environment_.can_write()) return true;
    try {
        RetentionWalk::Step step;
        bool is_first = true;
        const int code = write(environment_, [&](Transaction& txn) {
            if (!std::exchange(is_first, false)) walk.restart();  // the map was full
            return walk.step(txn, unix_seconds(), step);
        });
        if (code == 0) {
            retention_removed_ += step.removed;
            return step.pass_done;
        }
        environment_.report_if_damaged(code);
        log::debug("store: a step of retention failed: {}", text_of(code));
    } catch (const std::exception& error) {  // out of memory: the transaction has been aborted
        log::error("store: a step of retention failed: {}", error.what());
    }
    walk.restart();
    return true;
}

std::int64_t LmdbStore::unix_seconds() const noexcept {
    return options_.clock != nullptr ? options_.clock->unix_seconds()
                                     : base::SystemClock().unix_seconds();
}

// Whatever had been decided about these events, none of it happened.
void LmdbStore::fail(std::span<PutResult> results, Errc errc, std::string_view why) {
    for (PutResult& result : results) result = {PutStatus::failed, {}, errc};
    note_failure(errc, why);
}

void LmdbStore::note_failure(Errc errc, std::string_view why) {
    if (trouble_.exchange(errc) != errc) {
        log::error("store: {} cannot be written: {}. Events are refused until it can.",
                   environment_.path().string(), why);
    }
}

void LmdbStore::note_success() {
    if (trouble_.exchange(Errc{}) != Errc{}) {
        log::info("store: {} can be written again", environment_.path().string());
    }
}

std::unique_ptr<Scan> LmdbStore::scan(std::vector<Filter> filters, ScanOptions options) {
    return scan(std::move(filters), std::move(options), nullptr);
}

std::unique_ptr<Scan> LmdbStore::scan(std::vector<Filter> filters, ScanOptions options,
                                      const RecentEvents* recent) {
    return std::make_unique<LmdbScan>(environment_, vanishes_, recent, std::move(filters),
                                      std::move(options));
}

base::error_code LmdbStore::writable() const noexcept {
    if (!environment_.can_write()) return Errc::store_not_writable;
    const Errc trouble = trouble_.load();
    return trouble == Errc{} ? base::error_code() : base::error_code(trouble);
}

StoreStats LmdbStore::stats() const {
    StoreStats stats;
    Transaction txn(environment_);
    std::uint64_t next_seq = 0;
    MDB_stat events{};
    if (txn.begin(Transaction::Mode::read) == 0 && txn.get_next_seq(next_seq) == 0 &&
        mdb_stat(txn.handle(), environment_.events(), &events) == 0) {
        stats.events = events.ms_entries;
        stats.last_seq = next_seq - 1;
    }
    MDB_stat tombstones{};
    if (txn.handle() != nullptr && environment_.tombstones() != kNoDatabase &&
        mdb_stat(txn.handle(), environment_.tombstones(), &tombstones) == 0) {
        stats.tombstones = tombstones.ms_entries;
    }
    stats.expired_removed = upkeep_.expired();
    stats.vanish_removed = upkeep_.vanished();
    stats.retention_removed = retention_removed_.load();
    std::error_code error;
    const auto size = std::filesystem::file_size(environment_.path() / kDataFile, error);
    stats.bytes_on_disk = error ? 0 : size;
    return stats;
}

}  // namespace lmdb

std::unique_ptr<EventStore> open_lmdb_store(const LmdbOptions& options) {
    return std::make_unique<lmdb::LmdbStore>(options);
}

}  // namespace parrhesia::store
