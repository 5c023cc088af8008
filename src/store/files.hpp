// What the store's files have in common: descriptors that close themselves, and durable names.
#pragma once

#include <filesystem>

namespace parrhesia::store {

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

}  // namespace parrhesia::store
