#include "parrhesia/mesh/mesh.hpp"

#include "parrhesia/base/inbox.hpp"
#include "parrhesia/base/log.hpp"
#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/parse.hpp"
#include "parrhesia/event/verify.hpp"

#include "mesh/asio.hpp"
#include "mesh/dns.hpp"
#include "mesh/keyring.hpp"
#include "mesh/mesh_metrics.hpp"
#include "mesh/node.hpp"
#include "mesh/tcp_transport.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <pthread.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>

namespace parrhesia::mesh {
namespace {

using protocol::Lane;

constexpr std::size_t kInboxBytes = std::size_t{64} << 20;
constexpr std::chrono::milliseconds kLeavingTick{10};
constexpr std::chrono::milliseconds kLoadEvery{1000};

base::SteadyTime now() { return std::chrono::steady_clock::now(); }

Lane lane_of(event::TrafficClass traffic_class) noexcept {
    switch (traffic_class) {
        case event::TrafficClass::marmot:
            return Lane::marmot;
        case event::TrafficClass::ephemeral:
            return Lane::ephemeral;
        case event::TrafficClass::generic:
            break;
    }
    return Lane::generic;
}

Keyring keyring_of(const MeshOptions& options) {
    std::vector<SharedKey> accepted;
    for (const ClusterSecret& secret : options.accepted_secrets) {
        accepted.push_back(SharedKey::derive(secret));
    }
    return Keyring(SharedKey::derive(options.secret), std::move(accepted));
}

TcpOptions tcp_options(const MeshOptions& options) {
    TcpOptions result;
    result.host = options.listen_host;
    result.port = options.listen_port;
    result.tls.mode = options.tls;
    result.tls.certificate_file = options.certificate_file;
    result.tls.key_file = options.certificate_key_file;
    result.tls.ca_file = options.ca_file;
    result.silence = options.dead;
    return result;
}

NodeOptions node_options(const MeshOptions& options, const Keyring& keyring, std::uint16_t port) {
    NodeOptions result;
    protocol::Hello& self = result.link.self;
    self.features = options.compression == Compression::never ? 0 : protocol::kFeatureZstd;
    self.cluster = options.cluster;
    self.node = options.node;
    self.boot = options.boot;
    const bool is_v6 = options.listen_host.find(':') != std::string::npos;
    self.address = !options.advertise.empty()
                       ? options.advertise
                       : (is_v6 ? "[" + options.listen_host + "]" : options.listen_host) + ":" +
                             std::to_string(port);
    self.software = options.software;
    self.topology =
        options.shared_database ? protocol::Topology::shared : protocol::Topology::replicated;
    self.log_id = options.log_id;
    self.heartbeat_ms = static_cast<std::uint32_t>(options.heartbeat.count());
    self.max_frame = options.max_frame_bytes;
    result.link.keyring = &keyring;
    result.link.checksums = options.tls == Tls::off;
    result.link.heartbeat = options.heartbeat;
    result.link.suspect = options.suspect;
    result.link.dead = options.dead;
    result.link.lanes[1].bytes = options.marmot_queue_bytes;
    result.link.lanes[2].bytes = options.generic_queue_bytes;
    result.link.lanes[3].bytes = options.ephemeral_queue_bytes;
    result.link.lanes[3].expiry = options.ephemeral_expiry;
    result.link.compression = options.compression;
    result.max_peers = options.max_peers;
    result.seed = std::random_device{}();
    return result;
}

}  // namespace

struct Mesh::Impl final : RemoteEvents, std::enable_shared_from_this<Impl> {
    Impl(MeshOptions the_options, RemoteSink& the_sink, base::MetricsRegistry& registry)
        : options(std::move(the_options)),
          sink(the_sink),
          metrics(registry),
          keyring(keyring_of(options)),
          transport(context, tcp_options(options), keyring),
          bound_port(transport.port()),
          node(node_options(options, keyring, bound_port), transport, *this, metrics, now()),
          ticks(context) {
        for (const std::string& target : options.targets)
            node.add_target(target, Origin::configured, now());
        publish_status();
    }

    // ---- on the mesh's thread ----

    // Without the name of its log no node can tell whether another one belongs to it.
    void open_when_known() {
        if (opened || leaving || (options.shared_database && log_id.empty())) return;
        opened = true;
        transport.start(node);
    }

    void set_log_id(std::string id) {
        if (id == log_id) return;
        log_id = std::move(id);
        node.set_log_id(log_id, now());
        open_when_known();
    }

    void tell_load(base::SteadyTime at) {
        if (!options.load || at < next_load) return;
        next_load = at + kLoadEvery;
        const Load load = options.load();
        node.set_load(load.connections, load.subscriptions);
    }

    void tick() {
        // First, so that an exception does not end all ticks.
        ticks.expires_after(leaving ? kLeavingTick : Node::kTick);
        ticks.async_wait([this](const error_code& error) {
            if (!error) tick();
        });
        tell_load(now());
        if (opened || leaving) node.on_tick(now());
        publish_status();
        if (node.has_left()) context.stop();
    }

    void publish_status() {
        NodeStatus fresh = node.status(now());
        const std::scoped_lock lock(status_mutex);
        status = std::move(fresh);
    }

    void on_batch(std::uint64_t link, Lane lane, const protocol::EventBatch& batch,
                  std::size_t bytes) override {
        const base::SteadyTime received_at = now();
        const std::chrono::microseconds age(batch.head.age_us);
        metrics.delivery_seconds.observe(age + node.round_trip(link) / 2, batch.events.size());
        std::vector<fanout::Published> events;
        events.reserve(batch.events.size());
        for (const protocol::BatchedEvent& batched : batch.events) {
            if (auto event = check(batched, lane)) {
                const auto traffic_class = event::traffic_class_of(event->kind());
                events.push_back({std::move(event), batched.position, received_at, traffic_class});
            }
        }
        const std::size_t count = batch.events.size();
        sink.take(std::move(events), [weak = weak_from_this(), link, lane, count, bytes] {
            const auto self = weak.lock();
            if (!self) return;
            asio::post(self->context, [impl = self.get(), link, lane, count, bytes] {
                impl->node.acknowledge(link, lane, count, bytes);
            });
        });
    }

    // Null, and counted, for what no honest node sends.
    event::EventPtr check(const protocol::BatchedEvent& batched, Lane lane) {
        auto parsed = parser.event(batched.json);
        const auto refuse = [this](const char* reason) {
            metrics.refused_events(reason).add();
            return event::EventPtr();
        };
        if (!parsed) return refuse("malformed");
        event::EventPtr event = *std::move(parsed);
        if (event->id() != batched.id) return refuse("id");
        if (lane_of(event::traffic_class_of(event->kind())) != lane) return refuse("lane");
        const bool is_ephemeral = event::is_ephemeral(event->kind());
        if (is_ephemeral != (batched.position.seq == 0)) return refuse("position");
        // The database that both share holds only what was verified; ephemeral events are in none.
        const bool vouched_for = options.shared_database && !is_ephemeral;
        if (!vouched_for && !event::verify_signature(*event)) return refuse("signature");
        return event;
    }

    void on_peers_up(std::size_t peers) override {
        has_peers.store(peers != 0, std::memory_order_relaxed);
    }

    void send_waiting() {
        waiting.clear();
        static_cast<void>(inbox.take_more(waiting));
        for (const Waiting& item : waiting) {
            const event::Event& event = *item.published.event;
            auto outgoing = std::make_shared<OutgoingEvent>();
            outgoing->bytes =
                protocol::encode_batched_event(event.id(), item.published.position, event.json());
            outgoing->lane = lane_of(item.published.traffic_class);
            outgoing->position = item.published.position;
            outgoing->published_at = item.published_at;
            node.publish(std::move(outgoing));
        }
        waiting.clear();
    }

    void leave(std::chrono::milliseconds grace) {
        leaving = true;
        send_waiting();
        transport.stop_accepting();
        node.leave(protocol::GoodbyeReason::shutdown, now());
        patience.expires_after(grace);
        patience.async_wait([this](const error_code& error) {
            if (!error) context.stop();
        });
        tick();
    }

    struct Waiting {
        fanout::Published published;
        base::SteadyTime published_at;
    };

    // constant after construction
    const MeshOptions options;
    RemoteSink& sink;
    MeshMetrics metrics;
    const Keyring keyring;

    // owned by the mesh's thread
    asio::io_context context{1};
    TcpTransport transport;
    const std::uint16_t bound_port;
    Node node;
    asio::steady_timer ticks;
    event::JsonReader parser;
    std::vector<Waiting> waiting;
    bool leaving = false;
    bool opened = false;
    std::string log_id = options.log_id;
    base::SteadyTime next_load;
    asio::steady_timer patience{context};  // with peers that do not take our goodbye

    // written by one side, read by the other
    base::BoundedInbox<Waiting> inbox{kInboxBytes};
    std::atomic<bool> send_posted{false};
    std::atomic<bool> has_peers{false};

    std::mutex status_mutex;
    NodeStatus status;  // guarded by status_mutex

    std::thread thread;
    std::optional<DnsDiscovery> dns;  // from start() to stop()
};

Mesh::Mesh(MeshOptions options, RemoteSink& sink, base::MetricsRegistry& metrics)
    : impl_(std::make_shared<Impl>(std::move(options), sink, metrics)) {}

Mesh::~Mesh() { stop(); }

std::uint16_t Mesh::port() const noexcept { return impl_->bound_port; }

void Mesh::start() {
    Impl& impl = *impl_;
    asio::post(impl.context, [&impl] {
        impl.open_when_known();
        impl.tick();
    });
    impl.thread = std::thread([&impl] {
        pthread_setname_np(pthread_self(), "mesh");
        while (!impl.context.stopped()) {
            try {
                impl.context.run();
            } catch (const std::exception& unexpected) {
                base::log::error("mesh: {}", unexpected.what());
            }
        }
    });
    impl.dns.emplace(
        impl.options.dns, [this](std::vector<std::string> found) { add_targets(std::move(found)); },
        impl.metrics.registry);
}

void Mesh::publish(std::span<const fanout::Published> events) {
    Impl& impl = *impl_;
    if (events.empty() || !impl.has_peers.load(std::memory_order_relaxed)) return;
    const base::SteadyTime published_at = now();
    for (const fanout::Published& published : events) {
        const std::size_t bytes = published.event->memory_bytes();
        if (!impl.inbox.push({published, published_at}, bytes)) impl.metrics.inbox_dropped.add();
    }
    if (impl.send_posted.exchange(true)) return;
    asio::post(impl.context, [&impl] {
        impl.send_posted.store(false);
        impl.send_waiting();
    });
}

void Mesh::add_targets(std::vector<std::string> targets) {
    asio::post(impl_->context, [&impl = *impl_, targets = std::move(targets)] {
        for (const std::string& target : targets)
            impl.node.add_target(target, Origin::discovered, now());
    });
}

void Mesh::set_alive(std::vector<base::NodeId> nodes) {
    asio::post(impl_->context, [&impl = *impl_, nodes = std::move(nodes)] {
        impl.node.set_alive_elsewhere(NodeSet(nodes.begin(), nodes.end()));
    });
}

void Mesh::set_log_id(std::string log_id) {
    asio::post(impl_->context, [&impl = *impl_, log_id = std::move(log_id)]() mutable {
        impl.set_log_id(std::move(log_id));
    });
}

NodeStatus Mesh::status() const {
    const std::scoped_lock lock(impl_->status_mutex);
    return impl_->status;
}

void Mesh::stop(std::chrono::milliseconds grace) {
    Impl& impl = *impl_;
    if (!impl.thread.joinable()) return;
    impl.dns.reset();
    asio::post(impl.context, [&impl, grace] { impl.leave(grace); });
    impl.thread.join();
}

}  // namespace parrhesia::mesh
