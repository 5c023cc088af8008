#include "store/lmdb/folder.hpp"

#include "store/lmdb/error.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace parrhesia::store::lmdb {
namespace {

[[nodiscard]] bool means_read_only(int code) noexcept {
    return code == EROFS || code == EACCES || code == EPERM;
}

[[nodiscard]] std::string holder_of(int descriptor) {
    std::array<char, 32> text{};
    const ssize_t size = ::pread(descriptor, text.data(), text.size(), 0);
    std::string pid;
    for (ssize_t i = 0; i < size; ++i) {
        const char character = text[static_cast<std::size_t>(i)];
        if (character < '0' || character > '9') break;
        pid.push_back(character);
    }
    return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

void make_folder(const std::filesystem::path& folder) {
    std::error_code error;
    if (std::filesystem::is_directory(folder, error)) return;
    const std::filesystem::path whole = std::filesystem::absolute(folder).lexically_normal();
    std::filesystem::path parent = whole.parent_path();
    if (!whole.has_filename()) parent = parent.parent_path();  // the path ended in a slash
    error.clear();
    std::filesystem::create_directories(parent, error);
    int code = error.value();
    if (code == 0 && ::mkdir(whole.c_str(), 0700) != 0) code = errno;
    if (code == 0) code = sync_folder(parent);
    if (code != 0) {
        throw std::runtime_error(fmt::format(
            "the folder of the store cannot be made: {}: {}. Set store.path to a folder "
            "that this user may write, or make it by hand.",
            folder.string(), text_of(code)));
    }
}

std::optional<FileHandle> lock_folder(const std::filesystem::path& folder, int& reason) {
    const std::filesystem::path path = folder / kLockFile;
    FileHandle handle(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!handle.is_open()) {
        reason = errno;
        if (means_read_only(reason)) return std::nullopt;
        throw std::runtime_error(fmt::format("the lock file of the store cannot be opened: {}: {}",
                                             path.string(), text_of(reason)));
    }
    // flock belongs to the open file, not to the process: it also holds within one process, and
    // closing another descriptor of the same file does not drop it, as it would with fcntl.
    if (::flock(handle.get(), LOCK_EX | LOCK_NB) != 0) {
        const int code = errno;
        if (code == EWOULDBLOCK) {
            throw std::runtime_error(
                fmt::format("the store {} is in use by {}. One process at a time may write to it: "
                            "stop that one, or give this one another store.path.",
                            folder.string(), holder_of(handle.get())));
        }
        throw std::runtime_error(fmt::format("the lock file of the store cannot be locked: {}: {}",
                                             path.string(), text_of(code)));
    }
    // The folder may allow it where the data file does not.
    const std::filesystem::path data = folder / kDataFile;
    if (::access(data.c_str(), W_OK) != 0 && means_read_only(errno)) {
        reason = errno;
        return std::nullopt;
    }
    // The pid only serves the message above; a disk too full for it is no reason to stop.
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(handle.get(), 0) == 0) {
        [[maybe_unused]] const ssize_t written = ::pwrite(handle.get(), pid.data(), pid.size(), 0);
    }
    return handle;
}

bool may_write(const std::filesystem::path& folder) noexcept {
    const bool lock = ::access((folder / kLockFile).c_str(), W_OK) == 0 ||
                      (errno == ENOENT && ::access(folder.c_str(), W_OK) == 0);
    return lock && ::access((folder / kDataFile).c_str(), W_OK) == 0;
}

bool hold_writers_off(const std::filesystem::path& folder, FileHandle& handle) noexcept {
    FileHandle file(::open((folder / kLockFile).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return errno == ENOENT;  // a writer makes it before anything else
    if (::flock(file.get(), LOCK_SH | LOCK_NB) != 0) return false;
    handle = std::move(file);
    return true;
}

int reserve_readers_file(const std::filesystem::path& folder, std::uint32_t max_readers) noexcept {
    constexpr off_t kSlotBytes = 64;
    constexpr off_t kHeaderSlots = 4;
    const FileHandle file(
        ::open((folder / kReadersFile).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    struct stat status {};
    if (!file.is_open() || ::fstat(file.get(), &status) != 0) return errno;
    // Another process may have mapped a shorter table: its size is settled as long as the file
    // exists.
    const off_t size =
        status.st_size > 0 ? status.st_size : (off_t{max_readers} + kHeaderSlots) * kSlotBytes;
    return ::posix_fallocate(file.get(), 0, size);
}

}  // namespace parrhesia::store::lmdb
