#include "parrhesia/mesh/cluster_secret.hpp"

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/file.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace parrhesia::mesh {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 2 * std::tuple_size_v<ClusterSecret>;
constexpr std::size_t kMaxFileBytes = kDigits + 64;

struct WipedFile : base::SmallFile {
    WipedFile() = default;
    ~WipedFile() { OPENSSL_cleanse(text.data(), text.size()); }
    WipedFile(const WipedFile&) = delete;
    WipedFile& operator=(const WipedFile&) = delete;
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

}  // namespace

ClusterSecret read_cluster_secret(const fs::path& file) {
    WipedFile found;
    const int code = base::read_small_file(file, kMaxFileBytes, found);
    if (code != 0 && code != EFBIG) throw unreadable(file, code);
    check_mode(file, found.mode);

    std::string_view digits = found.text;
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
    const int code = base::write_private_file(file, text_of(secret), base::Existing::keep);
    if (code == EEXIST) return false;
    if (code != 0) throw unwritable(file, code);
    return true;
}

}  // namespace parrhesia::mesh
