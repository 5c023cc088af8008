#include "parrhesia/pipeline/relay.hpp"

#include "pipeline/client_connection.hpp"
#include "pipeline/shard.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace parrhesia::pipeline {

struct Relay::Impl final : store::CommitListener {
    Impl(store::EventStore& store, const base::Clock& clock, base::MetricsRegistry& metrics,
         const RelayOptions& options)
        : core(store, clock, metrics, options) {}

    // On the writer's thread: one task for each io thread and batch, whatever the batch's size.
    void on_commit(std::shared_ptr<const store::CommitBatch> batch) override {
        for (const auto& shard : core.shards) shard->post_commit(batch);
    }

    Core core;
};

Relay::Relay(store::EventStore& store, const base::Clock& clock, base::MetricsRegistry& metrics,
             const std::vector<base::TaskQueue*>& io_queues, const RelayOptions& options)
    : impl_(std::make_unique<Impl>(store, clock, metrics, options)) {
    Core& core = impl_->core;
    for (base::TaskQueue* queue : io_queues) {
        const auto number = static_cast<std::uint16_t>(core.shards.size());
        core.shards.push_back(std::make_unique<Shard>(core, number, *queue));
    }
    core.max_bytes_in_flight = std::max<std::size_t>(options.writer.inbox_bytes / 16, 1);
    core.readers = std::make_unique<store::Readers>(store, metrics, options.readers);
    core.writer = std::make_unique<store::Writer>(store, *impl_, metrics, options.writer);
}

Relay::~Relay() { stop(); }

std::unique_ptr<Connection> Relay::connect(std::size_t shard, Client& client, const Peer& peer) {
    return std::make_unique<ClientConnection>(*impl_->core.shards[shard], client, peer);
}

const policy::Limits& Relay::limits() const noexcept { return impl_->core.limits; }

void Relay::refuse_new_work() noexcept { impl_->core.refusing = true; }

void Relay::stop() {
    refuse_new_work();
    impl_->core.writer->stop();
    impl_->core.readers->stop();
}

}  // namespace parrhesia::pipeline
