#include "app/server.hpp"

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/log.hpp"
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/net/admin_server.hpp"
#include "parrhesia/net/io_threads.hpp"
#include "parrhesia/net/relay_server.hpp"
#include "parrhesia/pipeline/relay.hpp"
#include "parrhesia/protocol/relay_information.hpp"

#include "app/cluster.hpp"
#include "app/disk_watch.hpp"
#include "app/exit_code.hpp"
#include "app/landing_page.hpp"
#include "app/relay_information.hpp"
#include "app/relay_key.hpp"
#include "app/stop_signals.hpp"
#include "app/store_factory.hpp"
#include "app/version.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace parrhesia::app {
namespace {

// Files, listeners, admin connections and the io threads' own, beside the clients' sockets.
constexpr std::size_t kReservedDescriptors = 256;

// How many connections the process may really hold: the configured number, or what the limit on
// open files leaves of it.
std::size_t usable_connections(std::size_t wanted) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
    limit.rlim_cur = limit.rlim_max;
    static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
    const std::size_t usable =
        limit.rlim_cur > 2 * kReservedDescriptors ? limit.rlim_cur - kReservedDescriptors : wanted;
    if (wanted > usable) {
        base::log::warn(
            "relay.max_connections = {} needs more open files than the system allows ({}): at most "
            "{} "
            "connections are accepted; raise the limit (LimitNOFILE, ulimit -n) or lower the key",
            wanted, limit.rlim_cur, usable);
    }
    return std::min(wanted, usable);
}

pipeline::RelayOptions relay_options(const Config& config, const policy::DiskReserve& disk,
                                     pipeline::Outlet* outlet) {
    pipeline::RelayOptions options;
    options.limits = config.limits;
    options.access = config.auth.rules();
    options.denied_kinds = config.limits.denied_kind_set();
    options.marmot = config.marmot;
    options.relay_urls = relay_urls(config);
    options.challenge_at_connect = config.auth.challenge_at_connect;
    options.max_pubkeys = config.auth.max_pubkeys;
    options.mute_unheard = config.relay.mute_unheard;
    options.rates = config.rates;
    options.max_query_cost = config.rates.max_query_cost;
    options.queries_per_connection = config.rates.queries_per_connection;
    options.response_bytes = config.rates.response_bytes;
    options.disk = &disk;
    options.outlet = outlet;
    options.sharing = sharing_of(config);
    options.writer.inbox_bytes = config.store.queue_bytes;
    options.writer.max_batch_events = config.store.max_batch_events;
    options.readers.threads = threads_or_cores(config.store.readers);
    options.readers.slice = config.store.slice_ms;
    options.readers.query_timeout = config.store.query_seconds;
    return options;
}

net::RelayServerOptions server_options(const Config& config,
                                       const std::optional<event::PubKey>& self) {
    net::RelayServerOptions options;
    options.bind = config.relay.bind;
    options.port = config.relay.port;
    options.handshake_timeout = config.relay.handshake_seconds;
    options.frame_timeout = config.relay.frame_seconds;
    options.ping_interval = config.relay.ping_seconds;
    options.idle_timeout = config.relay.idle_seconds;
    options.compression = config.relay.compression;
    options.max_connections = usable_connections(config.relay.max_connections);
    options.max_connections_per_ip = config.relay.max_connections_per_ip;
    options.exempt = config.limits.exempt_networks();
    options.information_json = protocol::to_json(relay_information_of(config, self));
    options.trusted_proxies = network_list(config.relay.trusted_proxies);
    options.forwarded_header = config.relay.forwarded_header;
    options.proxy_protocol = config.relay.proxy_protocol;
    options.bytes_connection = config.rates.bytes_connection;
    options.bytes_ip = config.rates.bytes_ip;
    options.landing_page = landing_page(config.info.name, config.info.description,
                                        config.info.contact, config.relay.public_url);
    return options;
}

// A relay that does not know its own address can authenticate local clients only.
void warn_of_missing_address(const Config& config) {
    const bool asks_for_auth = config.auth.read != policy::Access::everyone ||
                               config.auth.write != policy::Access::everyone ||
                               !config.auth.write_kinds.empty();
    if (!asks_for_auth || !relay_urls(config).empty()) return;
    base::log::warn(
        "[auth] asks for authentication, but relay.public_url is not set: only clients that come "
        "by a loopback address can authenticate");
}

// "[::1]:7777" or "127.0.0.1:7777".
std::string host_and_port(const std::string& bind, std::uint16_t port) {
    const bool is_v6 = bind.find(':') != std::string::npos;
    return (is_v6 ? "[" + bind + "]" : bind) + ":" + std::to_string(port);
}

net::AdminRoutes admin_routes(store::EventStore& store, base::MetricsRegistry& metrics,
                              const policy::DiskReserve& disk, const Cluster* cluster,
                              const std::atomic<bool>& accepting) {
    net::AdminRoutes routes;
    routes["/health"] = [] { return net::AdminAnswer{.body = "ok\n"}; };
    routes["/ready"] = [&store, &disk, &accepting] {
        if (!accepting) return net::AdminAnswer{.status = 503, .body = "not accepting clients\n"};
        if (const auto error = store.writable()) {
            return net::AdminAnswer{.status = 503, .body = "store: " + error.message() + "\n"};
        }
        if (disk.is_short()) {
            return net::AdminAnswer{
                .status = 503,
                .body = fmt::format("disk: {} bytes free, {} reserved (store.disk_reserve_bytes)\n",
                                    disk.free_bytes(), disk.reserve_bytes())};
        }
        return net::AdminAnswer{.body = "ready\n"};
    };
    if (cluster != nullptr) {
        routes["/cluster"] = [cluster] {
            return net::AdminAnswer{.content_type = "application/json",
                                    .body = cluster->status_json()};
        };
    }
    auto& events = metrics.gauge("parrhesia_store_events", "Events in the store");
    auto& bytes = metrics.gauge("parrhesia_store_bytes", "Size of the store on disk");
    auto& last_seq = metrics.gauge("parrhesia_store_last_seq", "Highest local_seq given so far");
    auto& unindexed = metrics.gauge(
        "parrhesia_store_unindexed_events",
        "Events in the journal that the indexes do not have yet; grows when the disk is too slow");
    auto& tombstones = metrics.gauge("parrhesia_store_tombstones",
                                     "What the store remembers of events that must not come back");
    const auto removed = [&metrics](const char* reason) -> base::Counter& {
        return metrics.counter("parrhesia_store_removed_total",
                               "Events taken out of the store in the background, by reason",
                               {{"reason", reason}});
    };
    auto& expired = removed("expired");
    auto& vanished = removed("vanished");
    auto& retention = removed("retention");
    metrics.gauge("parrhesia_info", "Always 1", {{"version", std::string(version())}}).set(1);
    routes["/metrics"] = [&] {
        const auto stats = store.stats();
        events.set(static_cast<std::int64_t>(stats.events));
        bytes.set(static_cast<std::int64_t>(stats.bytes_on_disk));
        last_seq.set(static_cast<std::int64_t>(stats.last_seq));
        unindexed.set(static_cast<std::int64_t>(stats.unindexed_events));
        tombstones.set(static_cast<std::int64_t>(stats.tombstones));
        expired.add(stats.expired_removed - expired.value());
        vanished.add(stats.vanish_removed - vanished.value());
        retention.add(stats.retention_removed - retention.value());
        return net::AdminAnswer{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                .body = metrics.render()};
    };
    return routes;
}

// Ends the process when an orderly end takes too long: a disk that hangs would hold the last
// commit, and us, for ever. What was acknowledged is safe; the rest was not promised.
class ShutdownWatchdog {
  public:
    explicit ShutdownWatchdog(std::chrono::seconds limit)
        : thread_([this, limit] {
              std::unique_lock lock(mutex_);
              if (over_.wait_for(lock, limit, [this] { return done_; })) return;
              base::log::error("the shutdown takes more than {} s: leaving at once", limit.count());
              ::_exit(kExitFailure);
          }) {}
    ~ShutdownWatchdog() {
        {
            const std::scoped_lock lock(mutex_);
            done_ = true;
        }
        over_.notify_one();
        thread_.join();
    }
    ShutdownWatchdog(const ShutdownWatchdog&) = delete;
    ShutdownWatchdog& operator=(const ShutdownWatchdog&) = delete;

  private:
    std::mutex mutex_;
    std::condition_variable over_;
    bool done_ = false;  // guarded by mutex_
    std::thread thread_;
};
constexpr std::chrono::seconds kShutdownGrace{5};      // for what has no deadline of its own
constexpr std::chrono::milliseconds kMeshGrace{2000};  // for peers that do not take their goodbye

void announce(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

}  // namespace

int run_relay(const Config& config) {
    base::log::configure(config.log.level, config.log.format);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a file size limit is a full disk, not a reason to die
    StopSignals stop_signals;       // before the first thread

    warn_of_missing_address(config);

    const base::SystemClock clock;
    base::MetricsRegistry metrics;
    const auto store = open_store(config, Purpose::serve, &metrics);
    const auto key = read_or_make_relay_key(relay_key_file(config));
    const auto self = key ? std::optional(key->pubkey()) : std::nullopt;
    // A database keeps its events on a disk of its own, which is not ours to see.
    policy::DiskReserve disk(is_embedded(config) ? config.store.disk_reserve_bytes : 0);
    std::optional<DiskWatch> disk_watch;
    if (is_embedded(config)) disk_watch.emplace(config.store.path, disk, metrics);
    std::optional<Cluster> cluster;
    if (config.cluster.enabled) cluster.emplace(config, metrics);
    pipeline::Outlet* const outlet = cluster ? &*cluster : nullptr;
    std::atomic<bool> accepting{false};

    // Destroyed from the bottom up: the io threads outlive what their tasks refer to only once
    // stopped.
    net::IoThreads io_threads(config.relay.threads);
    pipeline::Relay relay(*store, clock, metrics, io_threads.queues(),
                          relay_options(config, disk, outlet));
    net::RelayServer server(io_threads, relay, metrics, server_options(config, self));
    std::optional<net::AdminServer> admin;
    if (config.admin.port != 0) {
        admin.emplace(
            config.admin.bind, config.admin.port,
            admin_routes(*store, metrics, disk, cluster ? &*cluster : nullptr, accepting));
    }

    io_threads.start();
    server.start();
    if (cluster) {
        cluster->start(relay, [&server, &relay] {
            return mesh::Load{static_cast<std::uint32_t>(server.connections()),
                              static_cast<std::uint32_t>(relay.subscriptions())};
        });
    }
    accepting = true;
    announce("listening ws://" + host_and_port(config.relay.bind, server.port()));
    if (admin) announce("admin http://" + host_and_port(config.admin.bind, admin->port()));
    if (cluster) announce("mesh " + cluster->address());
    base::log::info("parrhesia {} is ready: {} io threads, store {}", version(), io_threads.size(),
                    store_words(config));
    if (const auto error = store->writable()) {
        base::log::warn("events are refused for now: the store ({}): {}", store_words(config),
                        error.message());
    }

    stop_signals.wait();

    const auto deadline = clock.now() + config.relay.shutdown_seconds;
    const ShutdownWatchdog watchdog(config.relay.shutdown_seconds + kShutdownGrace);
    base::log::info("signal {}: shutting down", stop_signals.signal());
    accepting = false;
    server.stop_accepting();
    relay.stop();
    if (cluster)
        cluster->stop(
            std::min<std::chrono::milliseconds>(kMeshGrace, config.relay.shutdown_seconds / 2));
    const auto left = std::max(deadline - clock.now(), base::SteadyTime::duration::zero());
    server.close_clients(std::chrono::duration_cast<std::chrono::milliseconds>(left));
    admin.reset();
    io_threads.stop();
    base::log::info("stopped");
    return kExitOk;
}

}  // namespace parrhesia::app
