// A store as "parrhesia db copy" names it.
#pragma once

#include "app/config.hpp"

#include <string>
#include <string_view>

namespace parrhesia::app {

struct NamedStore {
    Config config;      // that opens it
    std::string error;  // when there is none: what was expected; never with a password
};

// "config" is the store of the configuration; "lmdb:FOLDER" and "postgres:CONNECTION", which may be
// a URI of libpq as it is, are others with the same configuration around them.
[[nodiscard]] NamedStore named_store(const Config& config, std::string_view name);

// The same words for the same store, whatever names it; without a password.
[[nodiscard]] std::string identity_of(const Config& config);

}  // namespace parrhesia::app
