// The one table of configuration keys. Everything that knows keys comes from here: defaults, types
// and ranges, names of environment variables, suggestions for unknown keys, `config print` and the
// documented default file.
#pragma once

#include "app/config.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parrhesia::app {

using ConfigValue = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;

enum class ValueType { boolean, integer, text, list };

struct ConfigKey {
    std::string name;  // "relay.port"
    ValueType type = ValueType::text;
    std::string unit;      // "bytes", "seconds", ... or empty
    std::string expected;  // "an integer from 0 to 65535"
    std::string description;
    bool may_hold_password = false;  // then shown() is what people may see of a value

    std::function<ConfigValue(const Config&)> get;
    // Empty: done. Otherwise `config` is unchanged and the text says what was found instead of what
    // is expected. A value of another type is refused.
    std::function<std::optional<std::string>(Config&, const ConfigValue&)> set;

    [[nodiscard]] std::string_view section() const noexcept;
    [[nodiscard]] std::string_view short_name() const noexcept;  // "port"
    [[nodiscard]] std::string environment_name() const;          // "PARRHESIA_RELAY_PORT"
    [[nodiscard]] ConfigValue default_value() const { return get(Config{}); }
    [[nodiscard]] ConfigValue shown(ConfigValue value) const;
};

struct ConfigSectionText {
    std::string_view name;
    std::string_view description;
};

// In the order of the documented file.
[[nodiscard]] const std::vector<ConfigKey>& config_keys();
[[nodiscard]] const std::vector<ConfigSectionText>& config_sections();
// nullptr when there is no such key.
[[nodiscard]] const ConfigKey* find_config_key(std::string_view name);

// `the integer 70000`, `the string "abc"`: for messages.
[[nodiscard]] std::string describe(const ConfigValue& value);
// Each text in it as a connection string that may be shown.
[[nodiscard]] ConfigValue without_passwords(ConfigValue value);
// As it stands in a TOML file.
[[nodiscard]] std::string to_toml(const ConfigValue& value);

}  // namespace parrhesia::app
