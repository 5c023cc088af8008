#include "store/embedded/store.hpp"

#include "parrhesia/base/log.hpp"

#include "store/lmdb/error.hpp"
#include "store/lmdb/stored_state.hpp"
#include "store/lmdb/transaction.hpp"
#include "store/rules/admission.hpp"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <exception>
#include <stdexcept>
#include <utility>

namespace parrhesia::store {

namespace log = base::log;
using base::Errc;
using lmdb::Transaction;

namespace {

// What the indexes say about themselves.
struct IndexState {
    journal::Epoch epoch{};
    std::uint64_t next_seq = 0;
};

[[nodiscard]] IndexState state_of(lmdb::Environment& environment) {
    IndexState state;
    Transaction txn(environment);
    std::string_view epoch;
    int code = txn.begin(Transaction::Mode::read);
    if (code == 0) code = txn.get_next_seq(state.next_seq);
    if (code == 0) code = txn.get(environment.meta(), lmdb::kMetaEpoch, epoch);
    if (code == 0 && epoch.size() != state.epoch.size()) code = MDB_CORRUPTED;
    if (code != 0) {
        throw std::runtime_error("the store in " + environment.path().string() +
                                 " cannot be read: " + lmdb::text_of(code) +
                                 ". Restore a backup, or set store.path to another folder.");
    }
    std::copy(epoch.begin(), epoch.end(), state.epoch.begin());
    return state;
}

// What a process that writes has in its journal at this moment. The indexes are asked first: what
// has left the journal by then is in them, and in every later snapshot.
[[nodiscard]] std::vector<SequencedEvent> read_beside_a_writer(lmdb::Environment& environment) {
    IndexState state = state_of(environment);
    for (;;) {
        try {
            return journal::read(environment.path(), state.epoch, state.next_seq);
        } catch (const std::runtime_error&) {
            // Files may have gone because their events have been indexed since.
            const std::uint64_t before = state.next_seq;
            state = state_of(environment);
            if (state.next_seq == before) throw;
        }
    }
}

}  // namespace

EmbeddedStore::EmbeddedStore(const EmbeddedOptions& options)
    : options_(options), indexes_(options.lmdb) {
    if (!options_.retention.empty()) retention_.emplace(options_.retention);
    if (indexes_.environment().can_write()) {
        recover();
    } else {
        recent_.append(read_beside_a_writer(indexes_.environment()));
    }
    indexer_ = std::thread([this] { run_indexer(); });
    ::pthread_setname_np(indexer_.native_handle(), "store-indexer");
}

EmbeddedStore::~EmbeddedStore() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    work_.notify_all();
    indexer_.join();
    if (!journal_ || last_seq_ != indexed_seq_) return;  // the next start finds the journal
    journal_.reset();
    const int code = journal::remove_files(options_.lmdb.path);
    if (code != 0) {
        log::warn(
            "store: the journal in {} cannot be removed ({}); all its events are in the "
            "indexes, and the next start tries again",
            options_.lmdb.path.string(), lmdb::text_of(code));
    }
}

// Puts into the indexes what a process that did not end in order has left in the journal.
void EmbeddedStore::recover() {
    const IndexState state = state_of(indexes_.environment());
    const auto events = journal::read(options_.lmdb.path, state.epoch, state.next_seq);
    std::span<const SequencedEvent> rest(events);
    while (!rest.empty()) {
        const auto part = rest.first(std::min(rest.size(), options_.index_batch_events));
        if (const auto error = indexes_.index(part)) {
            throw std::runtime_error(
                "the events in the journal of " + options_.lmdb.path.string() +
                " cannot be put into the indexes: " + error.message() +
                ". Nothing is lost: make room on the disk, or check it, and start again.");
        }
        rest = rest.subspan(part.size());
    }
    if (!events.empty()) {
        log::info("store: {} events of the journal were put into the indexes", events.size());
    }
    const int code = journal::remove_files(options_.lmdb.path);
    if (code != 0) {
        throw std::runtime_error("the journal in " + options_.lmdb.path.string() +
                                 " cannot be removed: " + lmdb::text_of(code) +
                                 ". Check the rights of the folder, and the disk.");
    }
    recent_.clear();
    next_seq_ = state.next_seq + events.size();
    {
        const std::scoped_lock lock(mutex_);
        last_seq_ = indexed_seq_ = next_seq_ - 1;
    }
    journal_.emplace(options_.lmdb.path, state.epoch, options_.journal_file_bytes);
}

bool EmbeddedStore::open_journal() {
    if (journal_) return true;
    if (!indexes_.environment().can_write() && !indexes_.environment().try_to_become_writable()) {
        note_trouble(Errc::store_not_writable, "it is open for reading only");
        return false;
    }
    recover();
    return true;
}

std::vector<PutResult> EmbeddedStore::put(std::span<const EventPtr> batch) {
    std::vector<PutResult> results(batch.size());
    if (batch.empty()) return results;
    base::error_code error;
    try {
        error = open_journal() ? wait_for_room() : Errc::store_not_writable;
        if (!error) error = put_batch(batch, results);
    } catch (const std::exception& failure) {
        note_trouble(Errc::store_unavailable, failure.what());
        error = Errc::store_unavailable;
    }
    if (error) std::fill(results.begin(), results.end(), PutResult{PutStatus::failed, {}, error});
    return results;
}

// While the indexes cannot be written the journal would only fill the disk: every put then waits
// for one more attempt, and fails with it. One that is under way does not count: it may have met
// the disk as it was before.
base::error_code EmbeddedStore::wait_for_room() {
    std::unique_lock lock(mutex_);
    const auto has_room = [this] {
        return !index_error_ && last_seq_ - indexed_seq_ < options_.max_recent_events &&
               waiting_bytes_ < options_.max_recent_bytes;
    };
    while (!has_room()) {
        const std::uint64_t next = attempts_begun_ + 1;
        hurry_ = true;
        work_.notify_one();
        done_.wait(lock, [&] { return attempts_ended_ >= next; });
        if (index_error_) return index_error_;
    }
    return {};
}

base::error_code EmbeddedStore::put_batch(std::span<const EventPtr> batch,
                                          std::span<PutResult> results) {
    std::vector<SequencedEvent> accepted;
    RecentKeys keys;
    if (const auto error = decide(batch, results, accepted, keys)) return error;
    if (accepted.empty()) return {};
    std::uint64_t indexed = 0;
    {
        const std::scoped_lock lock(mutex_);
        indexed = indexed_seq_;
    }
    const int code = journal_->append(accepted, indexed);
    if (code != 0) {
        note_trouble(lmdb::meaning_of(code), lmdb::text_of(code));
        return lmdb::meaning_of(code);
    }
    publish(accepted, std::move(keys));
    if (trouble_.exchange(Errc{}) != Errc{}) {
        log::info("store: {} can be written again", options_.lmdb.path.string());
    }
    return {};
}

base::error_code EmbeddedStore::decide(std::span<const EventPtr> batch,
                                       std::span<PutResult> results,
                                       std::vector<SequencedEvent>& accepted, RecentKeys& keys) {
    // The snapshot is taken under the lock: what is not among the keys any more is in it.
    const std::scoped_lock lock(keys_mutex_);
    Transaction txn(indexes_.environment());
    int code = txn.begin(Transaction::Mode::read);
    const lmdb::LmdbState state(keys_, txn);
    Admission admission(state, next_seq_, options_.lmdb.relay_urls);
    if (code == 0) code = admission.decide(batch, results);
    if (code != 0) {
        txn.abort();
        indexes_.environment().report_if_damaged(code);
        note_trouble(lmdb::meaning_of(code), lmdb::text_of(code));
        return lmdb::meaning_of(code);
    }
    accepted = admission.take_accepted();
    keys = admission.take_keys();
    return {};
}

// noexcept: what is in the journal must become visible, in its order. Without the memory for that
// the process ends, and the next start finds the events.
void EmbeddedStore::publish(std::span<const SequencedEvent> accepted, RecentKeys&& keys) noexcept {
    next_seq_ = accepted.back().seq + 1;
    {
        const std::scoped_lock lock(keys_mutex_);
        keys_.merge(std::move(keys));
    }
    recent_.append(accepted);
    std::size_t bytes = 0;
    for (const SequencedEvent& event : accepted) bytes += event.event->memory_bytes();
    bool wake = false;
    {
        const std::scoped_lock lock(mutex_);
        wake = last_seq_ == indexed_seq_;
        last_seq_ = accepted.back().seq;
        waiting_bytes_ += bytes;
        wake = wake || batch_is_full();
    }
    if (wake) work_.notify_one();
}

void EmbeddedStore::note_trouble(Errc errc, std::string_view why) {
    if (trouble_.exchange(errc) != errc) {
        log::error("store: {} cannot be written: {}. Events are refused until it can.",
                   options_.lmdb.path.string(), why);
    }
}

base::error_code EmbeddedStore::writable() const noexcept {
    const Errc trouble = trouble_.load();
    if (trouble != Errc{}) return trouble;
    return indexes_.writable();
}

std::unique_ptr<Scan> EmbeddedStore::scan(std::vector<Filter> filters, ScanOptions options) {
    return indexes_.scan(std::move(filters), std::move(options), &recent_);
}

StoreStats EmbeddedStore::stats() const {
    const RecentView recent = recent_.view();  // before the indexes, as for a scan
    StoreStats stats = indexes_.stats();
    std::int64_t more = 0;
    recent.for_each_from(stats.last_seq + 1, [&](std::uint64_t, const RecentEvent& event) {
        ++stats.unindexed_events;
        // One that replaces another takes its place in the count.
        if (event.replaces == 0) ++more;
    });
    recent.for_each_acting_from(stats.last_seq + 1, [&](const SequencedEvent& event) {
        if (event.removes) more -= static_cast<std::int64_t>(event.removes->size());
    });
    // What was removed in the background meanwhile is taken off twice, until it is indexed.
    stats.events = static_cast<std::uint64_t>(
        std::max<std::int64_t>(static_cast<std::int64_t>(stats.events) + more, 0));
    stats.last_seq = std::max(stats.last_seq, recent.last_seq());
    stats.bytes_on_disk += journal::bytes_on_disk(options_.lmdb.path);
    return stats;
}

std::unique_ptr<EventStore> open_embedded_store(const EmbeddedOptions& options) {
    return std::make_unique<EmbeddedStore>(options);
}

}  // namespace parrhesia::store
