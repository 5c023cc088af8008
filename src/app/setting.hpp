// What one source says about one key, before it is known to make sense.
#pragma once

#include "app/config_keys.hpp"

#include <optional>
#include <string>
#include <vector>

namespace parrhesia::app {

struct Setting {
    std::string key;                   // as written, dotted
    std::string origin;                // "relay.toml:12"
    std::optional<ConfigValue> value;  // empty: a type that no key has
    std::string found;                 // then: what it is, in words
};

struct Settings {
    std::vector<Setting> settings;
    std::vector<std::string> errors;
};

// Reads a TOML file.
[[nodiscard]] Settings settings_of_file(const std::string& path);

// A value from the environment or the command line. Strings may stand without quotes and lists as
// words with commas between them, since shells eat quotes; all else is TOML.
[[nodiscard]] Setting setting_of_text(const ConfigKey& key, std::string origin,
                                      const std::string& text);

}  // namespace parrhesia::app
