// The thread "store-indexer" of the embedded store: from the recent events into the indexes, and
// the work that nobody waits for.
#include "parrhesia/base/log.hpp"

#include "store/embedded/store.hpp"

#include <algorithm>
#include <cassert>
#include <exception>

namespace parrhesia::store {

namespace log = base::log;
using base::Errc;

// Batches come first: a step of upkeep runs only while none is due.
void EmbeddedStore::run_indexer() {
    using std::chrono::steady_clock;
    upkeep_at_ = steady_clock::now();
    retention_at_ = retention_ ? upkeep_at_ : base::SteadyTime::max();
    constexpr base::SteadyTime kNone = base::SteadyTime::max();
    base::SteadyTime batch_at = kNone;  // set when the first event waits
    std::unique_lock lock(mutex_);
    for (;;) {
        const base::SteadyTime now = steady_clock::now();
        const bool has_events = last_seq_ != indexed_seq_;
        if (has_events && batch_at == kNone) batch_at = now + options_.index_delay;
        if (is_urgent() || now >= batch_at) {
            batch_at = kNone;
            index_waiting(lock);
            if (stopping_ && (index_error_ || last_seq_ == indexed_seq_)) return;
        } else if (now >= std::min(upkeep_at_, retention_at_)) {
            lock.unlock();
            do_background_step(now);
            lock.lock();
        } else {
            const base::SteadyTime until = std::min({upkeep_at_, retention_at_, batch_at});
            work_.wait_until(lock, until, [&] {
                return is_urgent() || (batch_at == kNone && last_seq_ != indexed_seq_);
            });
        }
    }
}

void EmbeddedStore::do_background_step(base::SteadyTime now) {
    if (now >= upkeep_at_) {
        if (!indexes_.upkeep()) upkeep_at_ = now + options_.upkeep_interval;
        return;
    }
    constexpr int kPauses = 20;  // for each step: retention takes a few percent of the time
    const bool is_over = indexes_.retain(*retention_);
    const base::SteadyTime end = std::chrono::steady_clock::now();
    retention_at_ = end + kPauses * (end - now);
    if (!is_over) return;
    retention_at_ = std::max(retention_at_, retention_began_ + options_.retention_interval);
    retention_began_ = retention_at_;
}

// After a failure the next attempt comes with the next put(), or after the delay.
bool EmbeddedStore::is_urgent() const noexcept {
    const bool is_full = last_seq_ != indexed_seq_ && batch_is_full();
    return stopping_ || hurry_ || (!index_error_ && is_full);
}

void EmbeddedStore::index_waiting(std::unique_lock<std::mutex>& lock) {
    hurry_ = false;
    ++attempts_begun_;
    const std::size_t batch_size = batch_size_;
    batch_size_ = batch_is_full() ? std::min(2 * batch_size_, options_.largest_batch) : 1;
    const std::uint64_t from = indexed_seq_ + 1;
    const std::uint64_t to = last_seq_;
    base::error_code error;
    if (to >= from) {
        lock.unlock();
        std::vector<SequencedEvent> batch;
        error = index_batch(from, to, batch_size, batch);
        lock.lock();
        if (!error) {
            indexed_seq_ = batch.back().seq;
            assert(indexed_seq_ <= last_seq_);
            for (const SequencedEvent& event : batch) {
                waiting_bytes_ -= event.event->memory_bytes();
            }
        }
    }
    index_error_ = error;
    attempts_ended_ = attempts_begun_;
    done_.notify_all();
}

bool EmbeddedStore::batch_is_full() const noexcept {
    return (last_seq_ - indexed_seq_) / batch_size_ >= options_.index_batch_events ||
           waiting_bytes_ / batch_size_ >= options_.index_batch_bytes;
}

// Moves events from seq `from` on, one batch of them, out of the recent ones into the indexes.
// Those behind `to` may be among the recent ones already, but publish() has not counted them yet.
base::error_code EmbeddedStore::index_batch(std::uint64_t from, std::uint64_t to, std::size_t size,
                                            std::vector<SequencedEvent>& batch) noexcept {
    try {
        std::size_t bytes = 0;
        const RecentView recent = recent_.view();
        recent.for_each_from(from, [&](std::uint64_t seq, const RecentEvent& event) {
            if (seq > to || batch.size() / size >= options_.index_batch_events) return;
            if (!batch.empty() && bytes / size >= options_.index_batch_bytes) return;
            bytes += event.event->memory_bytes();
            batch.push_back({event.event, seq, event.replaces});
        });
        recent.for_each_acting_from(from, [&](const SequencedEvent& event) {
            if (event.seq <= batch.back().seq) batch[event.seq - batch.front().seq] = event;
        });
        if (const auto error = indexes_.index(batch)) return error;
        // A put() in between waits for a part of them only.
        constexpr std::size_t kKeysAtOnce = 256;
        for (std::span<const SequencedEvent> rest(batch); !rest.empty();) {
            const auto part = rest.first(std::min(rest.size(), kKeysAtOnce));
            const std::scoped_lock lock(keys_mutex_);
            keys_.remove(part);
            rest = rest.subspan(part.size());
        }
        recent_.release(batch.back().seq);
        return {};
    } catch (const std::exception& failure) {  // out of memory
        log::error("store-indexer: {}", failure.what());
        return Errc::store_unavailable;
    }
}

}  // namespace parrhesia::store
