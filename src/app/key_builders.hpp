// How the rows of config_keys.cpp are made: a field of the Config, its range and its words.
#pragma once

#include "app/config_keys.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace parrhesia::app {

struct Range {
    std::int64_t min = 0;
    std::int64_t max = 0;
    std::string unit;
};

// What a text may be. All but any, not_empty and address may be empty as well.
enum class Text { any, not_empty, address, websocket_url, web_url, pubkey };

// "an IP address": for messages and the documented file.
[[nodiscard]] std::string expected_text(Text form);
[[nodiscard]] bool is_valid_text(Text form, const std::string& text);
// What is wrong with an element of a list: "which is no network ...", or nothing.
[[nodiscard]] std::string network_fault(const std::string& text);
[[nodiscard]] std::string kind_fault(const std::string& text);
[[nodiscard]] std::string pubkey_fault(const std::string& text);
[[nodiscard]] std::string retention_rule_fault(const std::string& text);
[[nodiscard]] std::string discovery_fault(const std::string& text);
[[nodiscard]] std::string connection_fault(const std::string& text);

// Adds rows for the fields of one section.
template <class S>
class Section {
  public:
    Section(std::string name, S Config::*section, std::vector<ConfigKey>& keys)
        : name_(std::move(name)), section_(section), keys_(keys) {}

    // Field: an integer type or a std::chrono duration.
    template <class Owner, class Field>
    void integer(const char* key, Field Owner::*field, Range range, std::string description) const {
        std::string expected = fmt::format("an integer from {} to {}", range.min, range.max);
        if (!range.unit.empty()) expected += fmt::format(" ({})", range.unit);
        add<std::int64_t>(
            key, ValueType::integer, range.unit, std::move(expected), std::move(description),
            [section = section_, field](const Config& config) {
                return to_integer((config.*section).*field);
            },
            [section = section_, field, range](Config& config, std::int64_t value) {
                if (value < range.min || value > range.max) return describe(ConfigValue(value));
                (config.*section).*field = static_cast<Field>(value);
                return std::string();
            });
    }

    void boolean(const char* key, bool S::*field, std::string description) const {
        add<bool>(
            key, ValueType::boolean, "", "true or false", std::move(description),
            [section = section_, field](const Config& config) { return (config.*section).*field; },
            [section = section_, field](Config& config, bool value) {
                (config.*section).*field = value;
                return std::string();
            });
    }

    void text(const char* key, std::string S::*field, Text form, std::string description) const {
        add<std::string>(
            key, ValueType::text, "", expected_text(form), std::move(description),
            [section = section_, field](const Config& config) { return (config.*section).*field; },
            [section = section_, field, form](Config& config, const std::string& value) {
                if (!is_valid_text(form, value)) return describe(ConfigValue(value));
                (config.*section).*field = value;
                return std::string();
            });
    }

    template <class Field>
    void choice(const char* key, Field S::*field, std::vector<std::pair<std::string, Field>> words,
                std::string description) const {
        std::string expected;
        for (const auto& [word, meaning] : words) {
            expected += fmt::format("{}\"{}\"", expected.empty() ? "" : " or ", word);
        }
        add<std::string>(
            key, ValueType::text, "", std::move(expected), std::move(description),
            [section = section_, field, words](const Config& config) {
                for (const auto& [word, meaning] : words) {
                    if (meaning == (config.*section).*field) return word;
                }
                return std::string();
            },
            [section = section_, field, words](Config& config, const std::string& value) {
                for (const auto& [word, meaning] : words) {
                    if (word != value) continue;
                    (config.*section).*field = meaning;
                    return std::string();
                }
                return describe(ConfigValue(value));
            });
    }

    // A value that is kept in a form of its own. `set` answers with what was found instead of what
    // is expected, or with an empty string.
    template <class Stored, class Get, class Set>
    void custom(const char* key, ValueType type, std::string expected, std::string description,
                Get get, Set set) const {
        add<Stored>(
            key, type, "", std::move(expected), std::move(description),
            [section = section_, get](const Config& config) { return get(config.*section); },
            [section = section_, set](Config& config, const Stored& value) {
                return set(config.*section, value);
            });
    }

    // A list. `expected`: "a list of ..."; `fault_of` says what is wrong with an element, "which
    // is ...", or nothing.
    template <class FaultOf>
    void list(const char* key, std::vector<std::string> S::*field, std::string expected,
              FaultOf fault_of, std::string description) const {
        add<std::vector<std::string>>(
            key, ValueType::list, "", std::move(expected), std::move(description),
            [section = section_, field](const Config& config) { return (config.*section).*field; },
            [section = section_, field, fault_of = std::move(fault_of)](
                Config& config, const std::vector<std::string>& value) {
                for (const std::string& element : value) {
                    const std::string fault = fault_of(element);
                    if (!fault.empty()) {
                        return fmt::format("the string \"{}\", {}", element, fault);
                    }
                }
                (config.*section).*field = value;
                return std::string();
            });
    }

    // Connection strings of libpq: what is said of them never has a password in it.
    void connection(const char* key, std::string S::*field, std::string description) const {
        add<std::string>(
            key, ValueType::text, "", "a connection string of libpq, or an empty string",
            std::move(description),
            [section = section_, field](const Config& config) { return (config.*section).*field; },
            [section = section_, field](Config& config, const std::string& value) {
                const std::string fault = value.empty() ? "" : connection_fault(value);
                if (!fault.empty()) return "one " + fault;
                (config.*section).*field = value;
                return std::string();
            },
            /*may_hold_password=*/true);
    }
    void connections(const char* key, std::vector<std::string> S::*field,
                     std::string description) const {
        add<std::vector<std::string>>(
            key, ValueType::list, "", "a list of connection strings of libpq",
            std::move(description),
            [section = section_, field](const Config& config) { return (config.*section).*field; },
            [section = section_, field](Config& config, const std::vector<std::string>& value) {
                for (std::size_t i = 0; i < value.size(); ++i) {
                    const std::string fault = connection_fault(value[i]);
                    if (!fault.empty()) return fmt::format("one (number {}) {}", i + 1, fault);
                }
                (config.*section).*field = value;
                return std::string();
            },
            /*may_hold_password=*/true);
    }

    void networks(const char* key, std::vector<std::string> S::*field,
                  std::string description) const {
        list(key, field, "a list of networks in CIDR form, as strings", network_fault,
             std::move(description));
    }
    void kinds(const char* key, std::vector<std::string> S::*field, std::string description) const {
        list(key, field, "a list of kinds or ranges of kinds, as strings (\"1984\", \"1000-1999\")",
             kind_fault, std::move(description));
    }
    void pubkeys(const char* key, std::vector<std::string> S::*field,
                 std::string description) const {
        list(key, field, "a list of public keys in hex, as strings", pubkey_fault,
             std::move(description));
    }

  private:
    template <class Field>
    static std::int64_t to_integer(const Field& field) {
        if constexpr (std::is_integral_v<Field>) {
            return static_cast<std::int64_t>(field);
        } else {
            return static_cast<std::int64_t>(field.count());
        }
    }

    // `set` gets a value of the right type and answers with what was found instead of what is
    // expected, or with an empty string.
    template <class Stored, class Get, class Set>
    void add(const char* key, ValueType type, std::string unit, std::string expected,
             std::string description, Get get, Set set, bool may_hold_password = false) const {
        ConfigKey row;
        row.may_hold_password = may_hold_password;
        row.name = name_ + "." + key;
        row.type = type;
        row.unit = std::move(unit);
        row.expected = std::move(expected);
        row.description = std::move(description);
        row.get = [get = std::move(get)](const Config& config) { return ConfigValue(get(config)); };
        row.set = [set = std::move(set), may_hold_password](
                      Config& config, const ConfigValue& value) -> std::optional<std::string> {
            const auto* stored = std::get_if<Stored>(&value);
            if (stored == nullptr) {
                return describe(may_hold_password ? without_passwords(value) : value);
            }
            std::string found = set(config, *stored);
            if (found.empty()) return std::nullopt;
            return found;
        };
        keys_.push_back(std::move(row));
    }

    const std::string name_;
    S Config::*const section_;
    std::vector<ConfigKey>& keys_;
};

}  // namespace parrhesia::app
