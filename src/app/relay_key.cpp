#include "app/relay_key.hpp"

#include "parrhesia/base/file.hpp"
#include "parrhesia/base/log.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace parrhesia::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 256;
constexpr std::string_view kRemedy =
    "Restore it from a backup, give the relay another key with \"parrhesia key import --force\", "
    "or "
    "remove the file: the next start then makes a new key, under which clients will not know this "
    "relay.";

std::runtime_error unreadable(const fs::path& file, int code) {
    return std::runtime_error(fmt::format(
        "the relay's key cannot be read: {}: {}. Make the file readable for the user that runs the "
        "relay (chown, chmod 600).",
        file.string(), std::generic_category().message(code)));
}

std::runtime_error unwritable(const fs::path& file, int code) {
    return std::runtime_error(
        fmt::format("the relay's key cannot be written: {}: {}. Give the disk room and the folder "
                    "(store.path) to the user that runs the relay.",
                    file.string(), std::generic_category().message(code)));
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view kSpaces = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kSpaces);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpaces) + 1 - first);
}

// Refuses what somebody else could replace, warns of what somebody else could read.
void check_mode(const fs::path& file, mode_t mode) {
    if ((mode & (S_IWGRP | S_IWOTH)) != 0) {
        throw std::runtime_error(fmt::format(
            "others may write the relay's key, so it may not be the relay's any more: {} has mode "
            "{:03o}. Make sure that the key is yours, then: chmod 600 {}",
            file.string(), mode & 0777U, file.string()));
    }
    if ((mode & S_IROTH) != 0) {
        base::log::warn("everybody on this machine may read the relay's key: chmod 600 {}",
                        file.string());
    }
}

}  // namespace

fs::path relay_key_file(const Config& config) { return fs::path(config.store.path) / "relay.key"; }

event::Keypair parse_relay_key(std::string_view text, std::string_view source) {
    const std::string_view digits = trimmed(text);
    const auto secret = base::parse_hex<event::SecretKey>(digits);
    if (!secret) {
        // Nothing of the text: it may be most of a secret.
        throw std::runtime_error(fmt::format(
            "no key in {}: a secret key is 64 lowercase hex digits (nsec is not taken), this has "
            "{} characters",
            source, digits.size()));
    }
    const auto key = event::Keypair::from_secret(*secret);
    if (!key) {
        throw std::runtime_error(fmt::format(
            "no key in {}: this number is no secret key of secp256k1 (it is 0 or too large)",
            source));
    }
    return *key;
}

std::optional<event::Keypair> read_relay_key(const fs::path& file) {
    base::SmallFile found;
    if (const int code = base::read_small_file(file, kMaxFileBytes, found)) {
        if (code == ENOENT) return std::nullopt;
        if (code != EINVAL && code != EFBIG) throw unreadable(file, code);
        throw std::runtime_error(fmt::format("the relay's key is no file, or a large one: {}. {}",
                                             file.string(), kRemedy));
    }
    check_mode(file, found.mode);
    try {
        return parse_relay_key(found.text, file.string());
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(fmt::format("{}. {}", error.what(), kRemedy));
    }
}

bool write_relay_key(const fs::path& file, const event::Keypair& key, Existing existing) {
    base::make_private_folder(file.parent_path());  // what goes wrong, writing the key says
    const int code = base::write_private_file(file, base::to_hex(key.secret()) + "\n", existing);
    if (code == EEXIST && existing == Existing::keep) return false;
    if (code != 0) throw unwritable(file, code);
    return true;
}

std::optional<event::Keypair> read_or_make_relay_key(const fs::path& file) {
    if (auto key = read_relay_key(file)) return key;
    const event::Keypair made = event::Keypair::generate();
    bool is_ours = false;
    try {
        is_ours = write_relay_key(file, made, Existing::keep);
    } catch (const std::runtime_error& error) {
        base::log::warn(
            "{} Until then the relay runs without a key of its own (\"self\" in NIP-11).",
            error.what());
        return std::nullopt;
    }
    if (!is_ours) return read_relay_key(file);  // "parrhesia key import" was faster
    base::log::info("made the relay's key {}: pubkey {}. Include the file in backups.",
                    file.string(), base::to_hex(made.pubkey()));
    return made;
}

}  // namespace parrhesia::app
