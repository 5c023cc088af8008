#include "parrhesia/mesh/cluster_secret.hpp"

#include "parrhesia/base/bytes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace parrhesia::mesh {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 2 * std::tuple_size_v<ClusterSecret>;

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

// What a file was read into, wiped at its end.
struct Text {
    std::array<char, kDigits + 64> bytes{};
    std::size_t size = 0;
    ~Text() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

std::runtime_error unreadable(const fs::path& file, int code) {
    if (code == ENOENT) {
        return std::runtime_error(fmt::format(
            "there is no secret of the cluster in {}: copy the file of another relay of the "
            "cluster there; for the first relay, \"parrhesia cluster keygen --out {}\" makes it",
            file.string(), file.string()));
    }
    return std::runtime_error(fmt::format(
        "the secret of the cluster cannot be read: {}: {}. Make it a file of the user that runs "
        "the relay (chown, chmod 600)",
        file.string(), std::generic_category().message(code)));
}

std::runtime_error unwritable(const fs::path& file, int code) {
    return std::runtime_error(fmt::format(
        "the secret of the cluster cannot be written: {}: {}. Name a file in a folder that is "
        "there and that you may write",
        file.string(), std::generic_category().message(code)));
}

void check_mode(const fs::path& file, mode_t mode) {
    if ((mode & (S_IRWXG | S_IRWXO)) == 0) return;
    throw std::runtime_error(
        fmt::format("others may read or write the secret of the cluster: {} has mode {:03o}. If it "
                    "may be known "
                    "to others, make a new one (\"parrhesia cluster keygen\"); else: chmod 600 {}",
                    file.string(), mode & 0777U, file.string()));
}

// 0 or an errno.
int write_all(int descriptor, std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t count = ::write(descriptor, text.data(), text.size());
        if (count < 0 && errno != EINTR) return errno;
        if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
    }
    return ::fsync(descriptor) == 0 ? 0 : errno;
}

int sync_folder_of(const fs::path& file) noexcept {
    const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
    const Descriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!handle.is_open()) return errno;
    return ::fsync(handle.get()) == 0 ? 0 : errno;
}

}  // namespace

ClusterSecret read_cluster_secret(const fs::path& file) {
    // A pipe put there by mistake must not stop the start.
    const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!in.is_open()) throw unreadable(file, errno);
    struct stat status {};
    if (::fstat(in.get(), &status) != 0) throw unreadable(file, errno);
    if (!S_ISREG(status.st_mode)) throw unreadable(file, EINVAL);
    check_mode(file, status.st_mode);

    Text text;
    while (text.size < text.bytes.size()) {
        const ssize_t count =
            ::read(in.get(), text.bytes.data() + text.size, text.bytes.size() - text.size);
        if (count < 0 && errno != EINTR) throw unreadable(file, errno);
        if (count == 0) break;
        if (count > 0) text.size += static_cast<std::size_t>(count);
    }
    std::string_view digits(text.bytes.data(), text.size);
    while (digits.ends_with('\n') || digits.ends_with('\r')) digits.remove_suffix(1);
    ClusterSecret secret{};
    if (!base::from_hex(digits, secret)) {
        throw std::runtime_error(fmt::format(
            "no secret of a cluster in {}: it must be one line of {} lowercase hex digits, as "
            "\"parrhesia cluster keygen\" makes it; copy the file of another relay of the cluster",
            file.string(), kDigits));
    }
    return secret;
}

ClusterSecret make_cluster_secret() {
    ClusterSecret secret{};
    if (RAND_priv_bytes(secret.data(), static_cast<int>(secret.size())) != 1) {
        throw std::runtime_error("the system has no random numbers");
    }
    return secret;
}

std::string text_of(const ClusterSecret& secret) { return base::to_hex(secret) + "\n"; }

bool write_cluster_secret(const fs::path& file, const ClusterSecret& secret) {
    const Descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!out.is_open()) {
        if (errno == EEXIST) return false;
        throw unwritable(file, errno);
    }
    int code = write_all(out.get(), text_of(secret));
    if (code == 0) code = sync_folder_of(file);
    if (code == 0) return true;
    ::unlink(file.c_str());
    throw unwritable(file, code);
}

}  // namespace parrhesia::mesh
