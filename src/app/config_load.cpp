#include "app/config_load.hpp"

#include "app/config_checks.hpp"
#include "app/config_keys.hpp"
#include "app/nearest_name.hpp"
#include "app/setting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace parrhesia::app {
namespace {

constexpr std::string_view kPrefix = "PARRHESIA_";
constexpr std::string_view kFileVariable = "PARRHESIA_CONFIG";

// What was meant as a key, for a message. Of what may be a connection string, only its beginning.
std::string without_secret(const std::string& text) {
    constexpr std::string_view kOfKeys =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
    const bool may_be_connection =
        text.find("://") != std::string::npos || text.find("password") != std::string::npos;
    if (!may_be_connection) return text;
    return text.substr(0, text.find_first_not_of(kOfKeys)) + "...";
}

class Loader {
  public:
    void apply(const Settings& settings) {
        for (const std::string& error : settings.errors) fail(error);
        for (const Setting& setting : settings.settings) apply(setting);
    }

    void apply_variable(const std::string& name, const std::string& value) {
        for (const ConfigKey& key : config_keys()) {
            if (key.environment_name() != name) continue;
            apply(setting_of_text(key, "environment " + name, value));
            return;
        }
        std::vector<std::string> names = {std::string(kFileVariable)};
        for (const ConfigKey& key : config_keys()) names.push_back(key.environment_name());
        fail(fmt::format("environment {}: unknown variable; did you mean {}?", name,
                         nearest_name(name, names)));
    }

    void apply_assignment(const std::string& assignment) {
        const std::size_t equals = assignment.find('=');
        if (equals == std::string::npos) {
            fail(fmt::format("--set {}: expected key=value, such as relay.port=7777",
                             without_secret(assignment)));
            return;
        }
        const std::string name = without_secret(assignment.substr(0, equals));
        const ConfigKey* key = find_config_key(name);
        if (key == nullptr) {
            fail_unknown("--set", name);
            return;
        }
        apply(setting_of_text(*key, "--set", assignment.substr(equals + 1)));
    }

    [[nodiscard]] LoadedConfig finish() {
        for (const ConfigConflict& conflict : conflicts_of(loaded_.config)) {
            // A value that was refused makes every comparison with it meaningless.
            if (failed_.contains(conflict.key) || failed_.contains(conflict.other)) continue;
            fail(fmt::format("{}{}: {}{}", where(conflict.key), conflict.key, conflict.text,
                             also(conflict.other)));
        }
        return std::move(loaded_);
    }

  private:
    void apply(const Setting& setting) {
        const ConfigKey* key = find_config_key(setting.key);
        if (key == nullptr) {
            fail_unknown(setting.origin, setting.key);
            return;
        }
        std::optional<std::string> found = setting.found;
        if (setting.value) found = key->set(loaded_.config, *setting.value);
        if (found) {
            failed_.insert(key->name);
            fail(fmt::format("{}: {}: expected {}, found {}", setting.origin, key->name,
                             key->expected, *found));
            return;
        }
        loaded_.origins[key->name] = setting.origin;
    }

    void fail_unknown(const std::string& origin, const std::string& name) {
        fail(fmt::format("{}: unknown key {}; did you mean {}?", origin, name,
                         nearest_config_key(name)));
    }

    void fail(std::string error) { loaded_.errors.push_back(std::move(error)); }

    [[nodiscard]] std::string where(const std::string& key) const {
        const auto origin = loaded_.origins.find(key);
        return origin == loaded_.origins.end() ? "" : origin->second + ": ";
    }
    [[nodiscard]] std::string also(const std::string& key) const {
        const auto origin = loaded_.origins.find(key);
        return fmt::format(" ({} is from {})", key,
                           origin == loaded_.origins.end() ? "the defaults" : origin->second);
    }

    LoadedConfig loaded_;
    std::set<std::string> failed_;
};

}  // namespace

LoadedConfig load_config(const ConfigSources& sources) {
    Loader loader;
    if (sources.file) loader.apply(settings_of_file(*sources.file));
    for (const auto& [name, value] : sources.environment) loader.apply_variable(name, value);
    for (const std::string& assignment : sources.assignments) loader.apply_assignment(assignment);
    return loader.finish();
}

ConfigSources sources_from(std::optional<std::string> file_option, const char* const* environ_block,
                           std::vector<std::string> assignments) {
    ConfigSources sources;
    sources.assignments = std::move(assignments);
    for (; environ_block != nullptr && *environ_block != nullptr; ++environ_block) {
        const std::string_view entry = *environ_block;
        if (!entry.starts_with(kPrefix)) continue;
        const std::size_t equals = std::min(entry.find('='), entry.size());
        const std::string_view value = entry.substr(std::min(equals + 1, entry.size()));
        if (entry.substr(0, equals) == kFileVariable) {
            sources.file = std::string(value);
        } else {
            sources.environment.emplace_back(entry.substr(0, equals), value);
        }
    }
    if (file_option) sources.file = std::move(file_option);
    return sources;
}

}  // namespace parrhesia::app
