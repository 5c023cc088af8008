#include "parrhesia/mesh/mesh.hpp"

#include "parrhesia/base/inbox.hpp"
#include "parrhesia/base/log.hpp"
#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/parse.hpp"
#include "parrhesia/event/verify.hpp"

#include "mesh/asio.hpp"
#include "mesh/keyring.hpp"
#include "mesh/mesh_metrics.hpp"
#include "mesh/node.hpp"
#include "mesh/tcp_transport.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <pthread.h>

#include <atomic>
#include <future>
#include <optional>
#include <random>
#include <thread>
#include <utility>

namespace parrhesia::mesh {
namespace {

using protocol::Lane;

constexpr std::size_t kInboxBytes = std::size_t{64} << 20;

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
    result.tls.mode = static_cast<TlsMode>(options.tls);
    result.tls.certificate_file = options.certificate_file;
    result.tls.key_file = options.certificate_key_file;
    result.tls.ca_file = options.ca_file;
    result.silence = options.dead;
    return result;
}

NodeOptions node_options(const MeshOptions& options, const Keyring& keyring, std::uint16_t port) {
    NodeOptions result;
    protocol::Hello& self = result.link.self;
    self.features = options.compression == Compress::never ? 0 : protocol::kFeatureZstd;
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
    result.link.compression = static_cast<Compression>(options.compression);
    result.max_peers = options.max_peers;
    result.seed = std::random_device{}();
    return result;
}

}  // namespace

struct Mesh::Impl final : RemoteEvents {
    Impl(MeshOptions the_options, RemoteSink& the_sink, base::MetricsRegistry& registry)
        : options(std::move(the_options)),
          sink(the_sink),
          metrics(registry),
          keyring(keyring_of(options)),
          transport(context, tcp_options(options), keyring),
          bound_port(transport.port()),
          node(node_options(options, keyring, bound_port), transport, *this, metrics, now()),
          ticks(context) {
        for (const std::string& target : options.targets) node.add_target(target, now());
    }

    // ---- on the mesh's thread ----

    void tick() {
        node.on_tick(now());
        has_peers.store(node.peers_up() != 0, std::memory_order_relaxed);
        if (node.has_left()) {
            work.reset();
            context.stop();
            return;
        }
        ticks.expires_after(leaving ? std::chrono::milliseconds(10) : Node::kTick);
        ticks.async_wait([this](const error_code& error) {
            if (!error) tick();
        });
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
                events.push_back(
                    {std::move(event), batched.position, received_at - age, traffic_class});
            }
        }
        const std::size_t count = batch.events.size();
        sink.take(std::move(events), [this, link, lane, count, bytes] {
            asio::post(context, [this, link, lane, count, bytes] {
                node.acknowledge(link, lane, count, bytes);
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

    void send_waiting() {
        waiting.clear();
        static_cast<void>(inbox.take_more(waiting));
        for (const auto& event : waiting) node.publish(event);
    }

    void leave() {
        leaving = true;
        send_waiting();
        transport.stop_accepting();
        node.leave(protocol::GoodbyeReason::shutdown, now());
        tick();
    }

    // constant after construction
    const MeshOptions options;
    RemoteSink& sink;
    MeshMetrics metrics;
    const Keyring keyring;

    // owned by the mesh's thread
    asio::io_context context{1};
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work{
        asio::make_work_guard(context)};
    TcpTransport transport;
    const std::uint16_t bound_port;
    Node node;
    asio::steady_timer ticks;
    event::JsonReader parser;
    std::vector<OutgoingPtr> waiting;
    bool leaving = false;

    base::BoundedInbox<OutgoingPtr> inbox{kInboxBytes};
    std::atomic<bool> send_posted{false};
    std::atomic<bool> has_peers{false};
    std::thread thread;
};

Mesh::Mesh(MeshOptions options, RemoteSink& sink, base::MetricsRegistry& metrics)
    : impl_(std::make_unique<Impl>(std::move(options), sink, metrics)) {}

Mesh::~Mesh() { stop(); }

std::uint16_t Mesh::port() const noexcept { return impl_->bound_port; }

void Mesh::start() {
    Impl& impl = *impl_;
    impl.transport.start(impl.node);
    asio::post(impl.context, [&impl] { impl.tick(); });
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
}

void Mesh::publish(std::span<const fanout::Published> events) {
    Impl& impl = *impl_;
    if (events.empty() || !impl.has_peers.load(std::memory_order_relaxed)) return;
    const base::SteadyTime published_at = now();
    for (const fanout::Published& published : events) {
        auto outgoing = std::make_shared<OutgoingEvent>();
        outgoing->bytes = protocol::encode_batched_event(published.event->id(), published.position,
                                                         published.event->json());
        outgoing->lane = lane_of(published.traffic_class);
        outgoing->position = published.position;
        outgoing->published_at = published_at;
        const std::size_t bytes = outgoing->bytes.size();
        if (!impl.inbox.push(std::move(outgoing), bytes)) impl.metrics.inbox_dropped.add();
    }
    if (impl.send_posted.exchange(true)) return;
    asio::post(impl.context, [&impl] {
        impl.send_posted.store(false);
        impl.send_waiting();
    });
}

void Mesh::add_targets(std::vector<std::string> targets) {
    asio::post(impl_->context, [&impl = *impl_, targets = std::move(targets)] {
        for (const std::string& target : targets) impl.node.add_target(target, now());
    });
}

NodeStatus Mesh::status() {
    Impl& impl = *impl_;
    if (!impl.thread.joinable()) return impl.node.status(now());
    std::promise<NodeStatus> promise;
    auto answer = promise.get_future();
    asio::post(impl.context, [&] { promise.set_value(impl.node.status(now())); });
    return answer.get();
}

void Mesh::stop(std::chrono::milliseconds grace) {
    Impl& impl = *impl_;
    if (!impl.thread.joinable()) return;
    asio::post(impl.context, [&impl, grace] {
        impl.leave();
        auto timer = std::make_shared<asio::steady_timer>(impl.context, grace);
        timer->async_wait([&impl, timer](const error_code& error) {
            if (!error) impl.context.stop();
        });
    });
    impl.thread.join();
}

}  // namespace parrhesia::mesh
