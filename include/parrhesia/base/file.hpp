// Files that survive a power cut, and files that are this user's alone.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace parrhesia::base {

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

// Writes the folder's entries to the disk, so that a file made or renamed in it survives a power
// cut. Returns 0 or an errno.
[[nodiscard]] int sync_folder(const std::filesystem::path& folder) noexcept;

// For its owner alone (mode 0700), where there is none. What goes wrong is found when a file is
// made in it.
void make_private_folder(const std::filesystem::path& folder);

enum class Existing { keep, replace };

// A file of this user alone (mode 0600) with that text, durable when it returns 0: whatever
// happens, it has either what it had or the new text, whole. Else an errno; EEXIST when there is
// one already and it is to be kept.
[[nodiscard]] int write_private_file(const std::filesystem::path& file, std::string_view text,
                                     Existing existing);

struct SmallFile {
    std::string text;
    mode_t mode = 0;  // permissions
};
// Returns 0 or an errno; EINVAL when it is no file (a pipe put there by mistake is not waited for),
// EFBIG when it has more than `max_bytes`.
[[nodiscard]] int read_small_file(const std::filesystem::path& file, std::size_t max_bytes,
                                  SmallFile& out);

}  // namespace parrhesia::base
