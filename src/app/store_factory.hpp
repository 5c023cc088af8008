// The store that the configuration names.
#pragma once

#include "parrhesia/base/metrics.hpp"
#include "parrhesia/store/event_store.hpp"
#include "parrhesia/store/postgres_store.hpp"

#include "app/config.hpp"

#include <memory>
#include <string>

namespace parrhesia::app {

enum class Purpose {
    serve,  // the relay: starts also while a database is away
    write,  // a command that stores events, and then ends
    read,   // a command that only looks
};

// Opens it, or makes it unless it is only read. `metrics` outlives the store; null: none.
//
// Errors: throws std::runtime_error; the text names the folder, the database or the key, and the
// remedy.
[[nodiscard]] std::unique_ptr<store::EventStore> open_store(
    const Config& config, Purpose purpose, base::MetricsRegistry* metrics = nullptr);

// The configuration in the store's words.
[[nodiscard]] store::PostgresOptions postgres_options(const Config& config, Purpose purpose);

[[nodiscard]] bool is_embedded(const Config& config) noexcept;
// "lmdb in data", "postgres at host=db.example.com dbname=nostr": for messages, without a password.
[[nodiscard]] std::string store_words(const Config& config);

}  // namespace parrhesia::app
