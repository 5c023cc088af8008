// Configuration from its sources: defaults < file < environment < command line.
#pragma once

#include "app/config.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::app {

struct ConfigSources {
    std::optional<std::string> file;  // a path
    // Variables whose names begin with PARRHESIA_; PARRHESIA_CONFIG is not for here.
    std::vector<std::pair<std::string, std::string>> environment;
    std::vector<std::string> assignments;  // --set, "key=value"
};

struct LoadedConfig {
    Config config;
    // Where a value came from, by key: "relay.toml:12", "environment PARRHESIA_RELAY_PORT",
    // "--set". Keys that have their default are not in here.
    std::map<std::string, std::string> origins;
    // All that is wrong, a sentence each, with the place, the key, what was expected and what was
    // found. When there are any, `config` must not be used.
    std::vector<std::string> errors;
};

// Never throws for anything an operator may write.
[[nodiscard]] LoadedConfig load_config(const ConfigSources& sources);

// The file from `file_option`, or else from PARRHESIA_CONFIG, and the other PARRHESIA_ variables of
// `environ_block` (as in environ(7)).
[[nodiscard]] ConfigSources sources_from(std::optional<std::string> file_option,
                                         const char* const* environ_block,
                                         std::vector<std::string> assignments);

}  // namespace parrhesia::app
