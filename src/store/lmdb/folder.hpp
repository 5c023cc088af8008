// The folder of a store: making it, and the lock that keeps a second writing process out.
#pragma once

#include "parrhesia/base/file.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace parrhesia::store::lmdb {

inline constexpr const char* kDataFile = "data.mdb";
inline constexpr const char* kReadersFile = "lock.mdb";  // LMDB's table of readers
inline constexpr const char* kLockFile = "LOCK";         // ours: one writing process

using base::FileHandle;
using base::sync_folder;

// Makes the folder (mode 0700, parents as the umask says) and writes its entry to the disk.
// Errors: throws std::runtime_error that names the folder and the remedy.
void make_folder(const std::filesystem::path& folder);

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
