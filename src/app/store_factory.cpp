#include "app/store_factory.hpp"

#include "parrhesia/store/embedded_store.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace parrhesia::app {

std::unique_ptr<store::EventStore> open_store(const Config& config, bool read_only) {
    if (config.store.engine != "lmdb") {
        throw std::runtime_error(
            fmt::format("store.engine: no store of the kind \"{}\" in this build; use \"lmdb\"",
                        config.store.engine));
    }
    store::EmbeddedOptions options;
    options.lmdb.path = config.store.path;
    options.lmdb.read_only = read_only;
    options.retention = config.retention.parsed_rules();
    options.retention_interval = config.retention.interval_seconds;
    options.lmdb.relay_urls = relay_urls(config);
    std::error_code error;
    if (read_only && !std::filesystem::exists(options.lmdb.path, error)) {
        throw std::runtime_error(fmt::format(
            "there is no store in {} (store.path, seen from {}): \"parrhesia import\" or "
            "\"parrhesia relay\" makes one; or name another folder with --set store.path=...",
            options.lmdb.path.string(), std::filesystem::current_path(error).string()));
    }
    return store::open_embedded_store(options);
}

}  // namespace parrhesia::app
