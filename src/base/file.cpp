#include "parrhesia/base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace parrhesia::base {
namespace {

namespace fs = std::filesystem;

// A new file beside `file` with the text on the disk. 0 or an errno; `made` is its name once it
// exists.
int write_beside(const fs::path& file, std::string_view text, std::string& made) {
    std::string name = file.string() + ".XXXXXX";
    const FileHandle out(::mkostemp(name.data(), O_CLOEXEC));
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

}  // namespace

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

int sync_folder(const fs::path& folder) noexcept {
    const FileHandle handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!handle.is_open()) return errno;
    return ::fsync(handle.get()) == 0 ? 0 : errno;
}

void make_private_folder(const fs::path& folder) {
    std::error_code ignored;
    const fs::path whole = fs::absolute(folder, ignored);
    if (fs::exists(whole, ignored)) return;
    fs::create_directories(whole.parent_path(), ignored);
    static_cast<void>(::mkdir(whole.c_str(), 0700));
}

int write_private_file(const fs::path& file, std::string_view text, Existing existing) {
    std::string temporary;
    int code = write_beside(file, text, temporary);
    if (code == 0) code = rename_to(temporary, file, existing);
    if (code != 0) {
        if (!temporary.empty()) ::unlink(temporary.c_str());
        return code;
    }
    return sync_folder(file.has_parent_path() ? file.parent_path() : fs::path("."));
}

int read_small_file(const fs::path& file, std::size_t max_bytes, SmallFile& out) {
    const FileHandle in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!in.is_open()) return errno;
    struct stat status {};
    if (::fstat(in.get(), &status) != 0) return errno;
    if (!S_ISREG(status.st_mode)) return EINVAL;
    out.mode = status.st_mode & 07777U;
    out.text.resize(max_bytes + 1);
    std::size_t size = 0;
    while (size < out.text.size()) {
        const ssize_t count = ::read(in.get(), out.text.data() + size, out.text.size() - size);
        if (count < 0 && errno != EINTR) return errno;
        if (count == 0) break;
        if (count > 0) size += static_cast<std::size_t>(count);
    }
    if (size > max_bytes) return EFBIG;
    out.text.resize(size);
    return 0;
}

}  // namespace parrhesia::base
