#include "app/store_name.hpp"

#include "parrhesia/store/postgres_store.hpp"

#include "app/store_factory.hpp"

#include <filesystem>
#include <system_error>

namespace parrhesia::app {
namespace {

constexpr std::string_view kLmdb = "lmdb:";
constexpr std::string_view kPostgres = "postgres:";

// libpq's own URIs, of which one begins like our word.
bool is_uri(std::string_view name) noexcept {
    return name.starts_with("postgres://") || name.starts_with("postgresql://");
}

}  // namespace

NamedStore named_store(const Config& config, std::string_view name) {
    NamedStore named{config, {}};
    if (name == "config") return named;
    if (name.starts_with(kLmdb) && name.size() > kLmdb.size()) {
        named.config.store.engine = "lmdb";
        named.config.store.path = name.substr(kLmdb.size());
    } else if (is_uri(name) || name.starts_with(kPostgres)) {
        named.config.store.engine = "postgres";
        named.config.postgres.connection = is_uri(name) ? name : name.substr(kPostgres.size());
        named.config.postgres.replicas.clear();
        named.error = store::problem_of_connection(named.config.postgres.connection);
    } else {
        named.error = "expected config, lmdb:FOLDER or postgres:CONNECTION";
    }
    return named;
}

std::string identity_of(const Config& config) {
    if (!is_embedded(config)) return store_words(config);
    std::error_code error;  // then the path as it was written has to do
    const auto path = std::filesystem::weakly_canonical(config.store.path, error);
    // "data/" is "data".
    const auto folder = path.has_filename() ? path : path.parent_path();
    return "lmdb in " + (error ? config.store.path : folder.string());
}

}  // namespace parrhesia::app
