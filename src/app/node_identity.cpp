#include "app/node_identity.hpp"

#include "parrhesia/base/file.hpp"
#include "parrhesia/base/log.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace parrhesia::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 256;

fs::path boot_file_of(const fs::path& id_file) {
    return fs::path(id_file).replace_extension(".boot");
}

std::string reason(int code) { return std::generic_category().message(code); }

std::runtime_error unwritable(const fs::path& file, int code) {
    return std::runtime_error(fmt::format(
        "the relay cannot note who it is in its cluster: {}: {}. Give the disk room and the folder "
        "(store.path) to the user that runs the relay, or set cluster.enabled = false",
        file.string(), reason(code)));
}

// std::nullopt when there is no such file.
std::optional<std::string> read_line(const fs::path& file) {
    base::SmallFile found;
    const int code = base::read_small_file(file, kMaxFileBytes, found);
    if (code == ENOENT) return std::nullopt;
    if (code != 0) {
        throw std::runtime_error(
            fmt::format("{} cannot be read: {}. Make it a file of the user that runs the relay, or "
                        "remove it: the relay then joins its cluster as a new one",
                        file.string(), reason(code)));
    }
    while (!found.text.empty() && (found.text.back() == '\n' || found.text.back() == '\r')) {
        found.text.pop_back();
    }
    return std::move(found.text);
}

base::NodeId random_node_id() {
    base::NodeId id;
    if (RAND_bytes(id.data(), static_cast<int>(base::NodeId::kSize)) != 1) {
        throw std::runtime_error("the system has no random numbers");
    }
    return id;
}

}  // namespace

fs::path node_id_file(const Config& config) { return fs::path(config.store.path) / "node.id"; }

base::NodeId read_or_make_node_id(const fs::path& file) {
    for (;;) {
        if (const auto line = read_line(file)) {
            if (const auto id = base::parse_hex<base::NodeId>(*line)) return *id;
            throw std::runtime_error(
                fmt::format("no id of a relay in {}: it must be one line of {} lowercase hex "
                            "digits. Restore it from a backup, or remove it: the relay then joins "
                            "its cluster as a new one",
                            file.string(), 2 * base::NodeId::kSize));
        }
        base::make_private_folder(file.parent_path());
        const base::NodeId made = random_node_id();
        const int code =
            base::write_private_file(file, base::to_hex(made) + "\n", base::Existing::keep);
        if (code == EEXIST) continue;  // another process was faster
        if (code != 0) throw unwritable(file, code);
        base::log::info("this relay is node {} of its cluster from now on ({})", base::to_hex(made),
                        file.string());
        return made;
    }
}

std::uint64_t next_boot(const fs::path& id_file) {
    const fs::path file = boot_file_of(id_file);
    std::uint64_t last = 0;
    if (const auto line = read_line(file)) {
        const char* end = line->data() + line->size();
        const auto [at, error] = std::from_chars(line->data(), end, last);
        constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max() - 1;
        if (error != std::errc() || at != end || last > kMost) {
            throw std::runtime_error(fmt::format(
                "no number of a start in {}. Remove the file: the relay goes on from the time of "
                "day, which is enough unless the clock was set back",
                file.string()));
        }
    }
    // The time of day helps where the file was lost; the file where the clock was set back.
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count();
    const auto boot =
        std::max(last + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(micros, 1)));
    const int code =
        base::write_private_file(file, std::to_string(boot) + "\n", base::Existing::replace);
    if (code != 0) throw unwritable(file, code);
    return boot;
}

}  // namespace parrhesia::app
