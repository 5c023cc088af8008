#include "store/journal/journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace parrhesia::store::journal {
namespace {

[[nodiscard]] int write_all(int descriptor, std::string_view bytes, std::size_t at) noexcept {
    while (!bytes.empty()) {
        const ssize_t written =
            ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        if (written == 0) return ENOSPC;
        bytes.remove_prefix(static_cast<std::size_t>(written));
        at += static_cast<std::size_t>(written);
    }
    return 0;
}

// Each write is durable when it returns, and does not go through the page cache where the file
// system can do without: what is written once and hardly ever read has no business there.
[[nodiscard]] FileHandle open_durable(const std::filesystem::path& path, int flags) noexcept {
    flags |= O_RDWR | O_DSYNC | O_CLOEXEC;
    FileHandle handle(::open(path.c_str(), flags | O_DIRECT, 0600));
    if (handle.is_open() || errno != EINVAL) return handle;
    return FileHandle(::open(path.c_str(), flags, 0600));
}

[[nodiscard]] int rename_file(const std::filesystem::path& from,
                              const std::filesystem::path& to) noexcept {
    return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

}  // namespace

Journal::Journal(std::filesystem::path folder, const Epoch& epoch, std::size_t file_bytes)
    : folder_(std::move(folder)),
      spare_path_(folder_ / kSpareName),
      epoch_(epoch),
      file_bytes_(whole_blocks(std::max(file_bytes, 2 * kBlockBytes))) {}

int Journal::append(std::span<const SequencedEvent> events, std::uint64_t indexed) {
    encode_batch(events, batch_);
    const bool fits = position_ + batch_.size() <= file_bytes_ || position_ == kBatchesAt;
    if (!handle_.is_open() || !fits) {
        const int code = begin_file(events.front().seq, indexed);
        if (code != 0) return code;
    }
    seal_batch(batch_, nonce_);
    const int code = write_all(handle_.get(), batch_, position_);
    if (code != 0) {
        // Whether the batch is in the file nobody knows, and after a failed sync the next one may
        // lie. The file that comes next begins with the same seq: what this one has from there on
        // does not count.
        end_file();
        return code;
    }
    position_ += batch_.size();
    file_.last_seq = events.back().seq;
    return 0;
}

void Journal::end_file() {
    if (handle_.is_open()) full_.push_back(std::move(file_));
    handle_ = FileHandle();
}

// A file gets its name last: whatever is called journal.<seq> has a whole header, at any moment.
int Journal::begin_file(std::uint64_t first_seq, std::uint64_t indexed) {
    end_file();
    FileHandle handle;
    bool taken = false;
    int code = take_back_file(indexed, handle, taken);
    if (code == 0 && !taken) code = make_file(handle);
    if (code != 0) return code;

    FileHeader header;
    header.epoch = epoch_;
    header.first_seq = first_seq;
    header.nonce = (std::uint64_t{random_()} << 32) | random_();
    code = write_all(handle.get(), encode_header(header), 0);
    std::filesystem::path path = folder_ / file_name(first_seq);
    if (code == 0) code = rename_file(spare_path_, path);
    if (code == 0) code = sync_folder(folder_);
    if (code != 0) return code;

    // One of this name began with a batch that failed; it has been written over.
    std::erase_if(full_, [&path](const File& file) { return file.path == path; });
    handle_ = std::move(handle);
    file_ = {std::move(path), first_seq - 1};
    nonce_ = header.nonce;
    position_ = kBatchesAt;
    return 0;
}

// Makes the oldest file the spare one if all its events are in the indexes, and removes others that
// are not needed either. `taken`: `handle` is open on it.
int Journal::take_back_file(std::uint64_t indexed, FileHandle& handle, bool& taken) {
    while (full_.size() > 1 && full_[1].last_seq <= indexed) {
        std::error_code error;
        std::filesystem::remove(full_.front().path, error);
        full_.pop_front();
    }
    if (full_.empty() || full_.front().last_seq > indexed) return 0;
    int code = rename_file(full_.front().path, spare_path_);
    if (code == ENOENT) {  // somebody has removed it: another is made
        full_.pop_front();
        return 0;
    }
    if (code != 0) return code;
    full_.pop_front();
    // Before the header changes, so that no crash leaves a file of this header under the old name.
    code = sync_folder(folder_);
    if (code != 0) return code;
    FileHandle opened = open_durable(spare_path_, 0);
    if (!opened.is_open()) return errno;
    // A batch of very large events may have made it longer.
    struct stat status {};
    if (::fstat(opened.get(), &status) != 0) return errno;
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > file_bytes_ && ::ftruncate(opened.get(), static_cast<off_t>(file_bytes_)) != 0) {
        return errno;
    }
    handle = std::move(opened);
    taken = true;
    return 0;
}

int Journal::make_file(FileHandle& handle) const {
    FileHandle opened = open_durable(spare_path_, O_CREAT | O_TRUNC);
    if (!opened.is_open()) return errno;
    // Zeros and not fallocate(): blocks that were never written cost a change of the file system's
    // own tables at the first commit that reaches them.
    const Blocks zeros(std::min<std::size_t>(file_bytes_, std::size_t{1} << 20), '\0');
    int code = 0;
    for (std::size_t at = 0; at < file_bytes_ && code == 0; at += zeros.size()) {
        code = write_all(
            opened.get(),
            std::string_view(zeros).substr(0, std::min(zeros.size(), file_bytes_ - at)), at);
    }
    if (code == 0 && ::fsync(opened.get()) != 0) code = errno;  // its size, too
    if (code != 0) {
        std::error_code error;
        std::filesystem::remove(spare_path_, error);
        return code;
    }
    handle = std::move(opened);
    return 0;
}

}  // namespace parrhesia::store::journal
