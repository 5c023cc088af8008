#include "pipeline/shard.hpp"

#include "pipeline/client_connection.hpp"

#include <utility>

namespace parrhesia::pipeline {
namespace {

constexpr std::size_t kMaxBacklogBytes = 64u << 20;
constexpr std::size_t kMaxEphemeralBytes = 16u << 20;

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

void Shard::publish(const fanout::Published& published) {
    const std::size_t delivered = index_.publish(published);
    if (delivered == 0) return;
    core_.metrics.deliveries.add(delivered);
    core_.metrics.delivery_seconds.observe(core_.clock.now() - published.received_at, delivered);
}

void Shard::publish_everywhere(const fanout::Published& published) {
    owner_.assert_here();
    publish(published);
    for (const auto& shard : core_.shards) {
        if (shard.get() == this) continue;
        if (!shard->post_ephemeral(published)) core_.metrics.ephemeral_dropped.add();
    }
}

bool Shard::post_ephemeral(const fanout::Published& published) {
    const std::size_t bytes = published.event->memory_bytes();
    if (ephemeral_bytes_.fetch_add(bytes) > kMaxEphemeralBytes) {
        ephemeral_bytes_.fetch_sub(bytes);
        return false;
    }
    home_.post([this, published, bytes] {
        ephemeral_bytes_.fetch_sub(bytes);
        publish(published);
    });
    return true;
}

void Shard::post_commit(std::shared_ptr<const store::CommitBatch> batch) {
    const std::size_t bytes = weight_of(*batch);
    {
        std::unique_lock lock(backlog_mutex_);
        backlog_shrank_.wait(lock, [this] { return backlog_bytes_ < kMaxBacklogBytes; });
        backlog_bytes_ += bytes;
    }
    home_.post([this, batch = std::move(batch), bytes] {
        // Also when on_commit() throws: else the writer would wait for ever.
        struct Done {
            Shard& shard;
            std::size_t bytes;
            ~Done() {
                {
                    const std::scoped_lock lock(shard.backlog_mutex_);
                    shard.backlog_bytes_ -= bytes;
                }
                shard.backlog_shrank_.notify_one();
            }
        } const done{*this, bytes};
        on_commit(*batch);
    });
}

// OK first, then live delivery: a client may rely on its OK before it hears the echo.
void Shard::on_commit(const store::CommitBatch& batch) {
    owner_.assert_here();
    for (const auto& outcome : batch) {
        const ConnectionId origin = ConnectionId::unpack(outcome.request.origin);
        if (origin.shard != number_) continue;
        if (ClientConnection* connection = find(origin)) connection->on_outcome(outcome);
    }
    for (const auto& [request, result] : batch) {
        if (result.status != store::PutStatus::stored) continue;
        publish({request.event, result.position, request.received_at});
    }
}

}  // namespace parrhesia::pipeline
