#include "parrhesia/pipeline/relay.hpp"

#include "parrhesia/event/visibility.hpp"

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
        if (core.options.outlet != nullptr) publish_own(*batch);
    }

    void publish_own(const store::CommitBatch& batch) {
        outgoing.clear();
        for (const auto& [request, result] : batch) {
            if (result.status != store::PutStatus::stored) continue;
            if (request.origin == kFromAnotherRelay) continue;
            outgoing.push_back(
                {request.event, result.position, request.received_at, request.traffic_class});
        }
        core.options.outlet->publish(outgoing);
    }

    void take_remote(PublishedEvents events, std::function<void()> done) {
        const auto lease = std::make_shared<const Owed>(std::move(done));
        if (core.options.sharing == Sharing::own_stores) store_remote(events, lease);
        if (events.empty()) return;
        const auto shared = std::make_shared<const PublishedEvents>(std::move(events));
        for (const auto& shard : core.shards) shard->post_remote(shared, lease);
    }

    // Leaves in `events` what needs no store. The others reach the subscriptions with their commit.
    void store_remote(PublishedEvents& events, const std::shared_ptr<const void>& lease) {
        const std::int64_t now = core.clock.unix_seconds();
        const bool pipelined = events.size() > 1;
        std::erase_if(events, [&](const fanout::Published& published) {
            if (published.position == base::Position{}) return false;
            const event::Event& event = *published.event;
            const policy::DiskReserve* disk = core.options.disk;
            if (event::has_expired(event.view(), now)) {
                core.metrics.remote_expired.add();
            } else if (disk != nullptr && disk->check(event.kind())) {
                core.metrics.remote_disk.add();
            } else if (!core.writer->submit({published.event, kFromAnotherRelay,
                                             published.received_at, pipelined,
                                             published.traffic_class, lease})) {
                core.metrics.remote_overloaded.add();
            }
            return true;
        });
    }

    // Calls back when the last who holds it lets go.
    struct Owed {
        explicit Owed(std::function<void()> the_done) : done(std::move(the_done)) {}
        ~Owed() { done(); }
        Owed(const Owed&) = delete;
        Owed& operator=(const Owed&) = delete;
        const std::function<void()> done;
    };

    Core core;
    PublishedEvents outgoing;  // owned by the writer's thread
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

void Relay::take_remote(std::vector<fanout::Published> events, std::function<void()> done) {
    impl_->take_remote(std::move(events), std::move(done));
}

const policy::Limits& Relay::limits() const noexcept { return impl_->core.limits; }

std::size_t Relay::subscriptions() const noexcept {
    return static_cast<std::size_t>(
        std::max<std::int64_t>(impl_->core.metrics.subscriptions.value(), 0));
}

void Relay::refuse_new_work() noexcept { impl_->core.refusing = true; }

void Relay::stop() {
    refuse_new_work();
    impl_->core.writer->stop();
    impl_->core.readers->stop();
}

}  // namespace parrhesia::pipeline
