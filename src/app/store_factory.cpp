#include "app/store_factory.hpp"

#include "parrhesia/store/embedded_store.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace parrhesia::app {
namespace {

std::unique_ptr<store::EventStore> open_embedded(const Config& config, Purpose purpose) {
    store::EmbeddedOptions options;
    options.lmdb.path = config.store.path;
    options.lmdb.read_only = purpose == Purpose::read;
    options.retention = config.retention.parsed_rules();
    options.retention_interval = config.retention.interval_seconds;
    options.lmdb.relay_urls = relay_urls(config);
    std::error_code error;
    if (options.lmdb.read_only && !std::filesystem::exists(options.lmdb.path, error)) {
        throw std::runtime_error(fmt::format(
            "there is no store in {} (store.path, seen from {}): \"parrhesia import\" or "
            "\"parrhesia relay\" makes one; or name another folder with --set store.path=...",
            options.lmdb.path.string(), std::filesystem::current_path(error).string()));
    }
    return store::open_embedded_store(options);
}

}  // namespace

bool is_embedded(const Config& config) noexcept { return config.store.engine == "lmdb"; }

std::string store_words(const Config& config) {
    if (is_embedded(config)) return "lmdb in " + config.store.path;
    return "postgres at " + store::without_password(config.postgres.connection);
}

store::PostgresOptions postgres_options(const Config& config, Purpose purpose) {
    const PostgresSection& section = config.postgres;
    const bool is_relay = purpose == Purpose::serve;
    store::PostgresOptions options;
    options.connection = section.connection;
    // A command looks at the events of this moment, not at those of a replica that is behind.
    if (is_relay) options.replicas = section.replicas;
    options.max_replica_lag = section.max_replica_lag_ms;
    options.read_connections = 1;
    if (is_relay) {
        options.read_connections = section.read_connections != 0
                                       ? section.read_connections
                                       : threads_or_cores(config.store.readers);
    }
    options.application_name = section.application_name;
    options.connect_timeout = section.connect_timeout_ms;
    options.write_timeout = section.write_timeout_ms;
    options.read_timeout = config.store.query_seconds;
    options.idle_in_transaction_timeout = section.idle_in_transaction_ms;
    options.migrate = section.migrate;
    options.read_only = purpose == Purpose::read;
    options.must_connect = !is_relay;
    options.relay_urls = relay_urls(config);
    options.retention = config.retention.parsed_rules();
    options.retention_interval = config.retention.interval_seconds;
    options.log_retention = section.log_retention_hours;
    return options;
}

std::unique_ptr<store::EventStore> open_store(const Config& config, Purpose purpose,
                                              base::MetricsRegistry* metrics) {
    if (is_embedded(config)) return open_embedded(config, purpose);
    store::PostgresOptions options = postgres_options(config, purpose);
    options.metrics = metrics;
    return store::open_postgres_store(options);
}

}  // namespace parrhesia::app
