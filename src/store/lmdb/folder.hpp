// The folder of a store: making it, and the lock that keeps a second writing process out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace parrhesia::store::lmdb {

inline constexpr const char* kDataFile = "data.mdb";
inline constexpr const char* kReadersFile = "lock.mdb";  // LMDB's table of readers
inline constexpr const char* kLockFile = "LOCK";         // ours: one writing process

// A file descriptor that closes itself.
class FileHandle {
  public:
    FileHandle() = default;
    explicit FileHandle(int descriptor) noexcept : descriptor_(descriptor) {}
    FileHandle(FileHandle&& other) noexcept : descriptor_(other.release()) {}
    FileHandle& operator=(FileHandle&& other) noexcept;
    FileHandle(const FileHandle&) = delete;
    FileHandle& operator=(const FileHandle&) = delete;
    ~FileHandle();

    [[nodiscard]] int get() const noexcept { return descriptor_; }
    [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }

  private:
    int release() noexcept;
    int descriptor_ = -1;
};

// Makes the folder (mode 0700, parents as the umask says) and writes its entry to the disk.
// Errors: throws std::runtime_error that names the folder and the remedy.
void make_folder(const std::filesystem::path& folder);

// Writes the folder's entries to the disk, so that a file made in it survives a power cut.
// Returns 0 or an errno.
[[nodiscard]] int sync_folder(const std::filesystem::path& folder) noexcept;

// Takes the lock and writes our pid into it. std::nullopt when the folder or the files in it may
// not be written (read-only file system, missing rights): `reason` is then the errno. The lock goes
// with the handle, and with the process however it ends. Errors: throws std::runtime_error when
// another process has it, naming that process.
[[nodiscard]] std::optional<FileHandle> lock_folder(const std::filesystem::path& folder,
                                                    int& reason);

// Whether lock_folder() would get as far as the lock.
[[nodiscard]] bool may_write(const std::filesystem::path& folder) noexcept;

// For a reader that cannot join LMDB's table of readers (it may not write the file): makes sure
// that no process writes, and that none starts to while the handle lives. False: somebody does, or
// nobody knows.
[[nodiscard]] bool hold_writers_off(const std::filesystem::path& folder,
                                    FileHandle& handle) noexcept;

// Gives LMDB's table of readers its blocks on the disk now. LMDB leaves holes in it and writes to
// them through a map: on a full disk that would be a SIGBUS. Returns 0 or an errno.
[[nodiscard]] int reserve_readers_file(const std::filesystem::path& folder,
                                       std::uint32_t max_readers) noexcept;

}  // namespace parrhesia::store::lmdb
