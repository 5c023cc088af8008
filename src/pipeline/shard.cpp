#include "pipeline/shard.hpp"

#include "pipeline/client_connection.hpp"

#include <utility>

namespace parrhesia::pipeline {
namespace {

constexpr std::size_t kMaxBacklogBytes = 64u << 20;

std::size_t weight_of(const store::CommitBatch& batch) {
    std::size_t bytes = 0;
    for (const auto& outcome : batch) bytes += outcome.request.event->memory_bytes();
    return bytes;
}

}  // namespace

ConnectionId Shard::add(ClientConnection& connection) {
    owner_.assert_here();
    if (free_slots_.empty()) {
        free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot].connection = &connection;
    return {number_, slots_[slot].generation, slot};
}

void Shard::remove(ConnectionId id) noexcept {
    owner_.assert_here();
    slots_[id.slot].connection = nullptr;
    ++slots_[id.slot].generation;
    free_slots_.push_back(id.slot);
}

ClientConnection* Shard::find(ConnectionId id) const noexcept {
    if (id.slot >= slots_.size() || slots_[id.slot].generation != id.generation) return nullptr;
    return slots_[id.slot].connection;
}

void Shard::publish_everywhere(const fanout::Published& published,
                               const std::shared_ptr<Tally>& tally) {
    owner_.assert_here();
    for (const auto& shard : core_.shards) {
        const bool taken = shard.get() == this ? live_.add_ephemeral(published, tally)
                                               : shard->live_.post_ephemeral(published, tally);
        if (taken) continue;
        core_.metrics.ephemeral_dropped.add();
        // Somebody may have wanted it there: that is not the same as nobody.
        if (tally) tally->report(1);
    }
    if (core_.options.outlet != nullptr) core_.options.outlet->publish({&published, 1});
    live_.start();
}

bool Shard::pause_when_crowded(ConnectionId id) {
    owner_.assert_here();
    if (!live_.is_crowded()) return false;
    paused_.push_back(id);
    return true;
}

void Shard::resume_paused() {
    for (const ConnectionId id : std::exchange(paused_, {})) {
        if (ClientConnection* connection = find(id)) connection->resume();
    }
}

void Shard::post_commit(std::shared_ptr<const store::CommitBatch> batch) {
    const std::size_t bytes = weight_of(*batch);
    {
        std::unique_lock lock(backlog_mutex_);
        backlog_shrank_.wait(lock, [this] { return backlog_bytes_ < kMaxBacklogBytes; });
        backlog_bytes_ += bytes;
    }
    auto lease = std::make_shared<BacklogLease>(*this, bytes);
    home_.post([this, batch = std::move(batch), lease = std::move(lease)] {
        // Here, and not after the work: an exception must not make the writer wait for ever.
        lease->arm();
        on_commit(*batch, lease);
    });
}

void Shard::shrink_backlog(std::size_t bytes) {
    {
        const std::scoped_lock lock(backlog_mutex_);
        backlog_bytes_ -= bytes;
    }
    backlog_shrank_.notify_one();
}

// OK first, then live delivery: a client may rely on its OK before it hears the echo.
void Shard::on_commit(const store::CommitBatch& batch, const std::shared_ptr<const void>& lease) {
    owner_.assert_here();
    for (const auto& [request, result] : batch) {
        if (result.status != store::PutStatus::stored) continue;
        live_.add_stored(
            {request.event, result.position, request.received_at, request.traffic_class}, lease);
    }
    try {
        answer(batch);
    } catch (...) {  // out of memory: the subscriptions are still owed the events
        live_.start_soon();
        throw;
    }
    live_.start();
}

void Shard::post_remote(std::shared_ptr<const PublishedEvents> events,
                        std::shared_ptr<const void> lease) {
    home_.post([this, events = std::move(events), lease = std::move(lease)] {
        on_remote(*events, lease);
    });
}

void Shard::on_remote(const PublishedEvents& events, const std::shared_ptr<const void>& lease) {
    owner_.assert_here();
    for (const fanout::Published& published : events) {
        if (published.position != base::Position{}) {
            live_.add_stored(published, lease);
        } else if (!live_.add_ephemeral(published)) {
            core_.metrics.ephemeral_dropped.add();
        }
    }
    live_.start();
}

void Shard::answer(const store::CommitBatch& batch) {
    for (const auto& outcome : batch) {
        const ConnectionId origin = ConnectionId::unpack(outcome.request.origin);
        if (origin.shard != number_) continue;
        if (ClientConnection* connection = find(origin)) connection->on_outcome(outcome);
    }
}

}  // namespace parrhesia::pipeline
