#include "app/relay_key.hpp"

#include "parrhesia/base/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace parrhesia::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 256;
constexpr std::string_view kRemedy =
    "Restore it from a backup, give the relay another key with \"parrhesia key import --force\", "
    "or "
    "remove the file: the next start then makes a new key, under which clients will not know this "
    "relay.";

class Descriptor {
  public:
    explicit Descriptor(int descriptor) noexcept : descriptor_(descriptor) {}
    ~Descriptor() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const noexcept { return descriptor_; }
    [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }

  private:
    const int descriptor_;
};

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

// As the embedded store makes it: for its owner alone.
void make_folder(const fs::path& folder) {
    std::error_code ignored;  // whatever goes wrong, writing the key says it
    const fs::path whole = fs::absolute(folder, ignored);
    if (fs::exists(whole, ignored)) return;
    fs::create_directories(whole.parent_path(), ignored);
    static_cast<void>(::mkdir(whole.c_str(), 0700));
}

// A new file beside `file`, for its owner alone, with the text on the disk. 0 or an errno; `made`
// is its name once it exists.
int write_beside(const fs::path& file, std::string_view text, std::string& made) {
    std::string name = file.string() + ".XXXXXX";
    const Descriptor out(::mkostemp(name.data(), O_CLOEXEC));
    if (!out.is_open()) return errno;
    made = std::move(name);
    while (!text.empty()) {
        const ssize_t count = ::write(out.get(), text.data(), text.size());
        if (count < 0 && errno != EINTR) return errno;
        if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
    }
    return ::fsync(out.get()) == 0 ? 0 : errno;
}

int rename_to(const std::string& from, const fs::path& to, Existing existing) noexcept {
    if (existing == Existing::keep) {
        if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
            return 0;
        }
        // Some file systems cannot: then a look before is all that there is.
        if (errno != EINVAL && errno != ENOSYS) return errno;
        if (::access(to.c_str(), F_OK) == 0) return EEXIST;
    }
    return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

int sync_folder(const fs::path& folder) noexcept {
    const Descriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!handle.is_open()) return errno;
    return ::fsync(handle.get()) == 0 ? 0 : errno;
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
    // A pipe put there by mistake must not stop the start.
    const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!in.is_open()) {
        if (errno == ENOENT) return std::nullopt;
        throw unreadable(file, errno);
    }
    struct stat status {};
    if (::fstat(in.get(), &status) != 0) throw unreadable(file, errno);
    if (!S_ISREG(status.st_mode)) {
        throw std::runtime_error(
            fmt::format("the relay's key is no file: {}. {}", file.string(), kRemedy));
    }
    check_mode(file, status.st_mode);

    std::array<char, kMaxFileBytes> text{};
    std::size_t size = 0;
    for (;;) {
        const ssize_t count = ::read(in.get(), text.data() + size, text.size() - size);
        if (count < 0 && errno != EINTR) throw unreadable(file, errno);
        if (count == 0) break;
        if (count > 0) size += static_cast<std::size_t>(count);
    }
    try {
        return parse_relay_key({text.data(), size}, file.string());
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(fmt::format("{}. {}", error.what(), kRemedy));
    }
}

bool write_relay_key(const fs::path& file, const event::Keypair& key, Existing existing) {
    make_folder(file.parent_path());
    std::string temporary;
    int code = write_beside(file, base::to_hex(key.secret()) + "\n", temporary);
    if (code == 0) code = rename_to(temporary, file, existing);
    if (code != 0) {
        if (!temporary.empty()) ::unlink(temporary.c_str());
        if (code == EEXIST && existing == Existing::keep) return false;
        throw unwritable(file, code);
    }
    const fs::path folder = file.parent_path();
    code = sync_folder(folder.empty() ? fs::path(".") : folder);
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
