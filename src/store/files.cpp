#include "store/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace parrhesia::store {

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
    if (this != &other) {
        if (is_open()) ::close(descriptor_);
        descriptor_ = other.release();
    }
    return *this;
}

FileHandle::~FileHandle() {
    if (is_open()) ::close(descriptor_);
}

int FileHandle::release() noexcept { return std::exchange(descriptor_, -1); }

int sync_folder(const std::filesystem::path& folder) noexcept {
    const FileHandle handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!handle.is_open()) return errno;
    return ::fsync(handle.get()) == 0 ? 0 : errno;
}

}  // namespace parrhesia::store
