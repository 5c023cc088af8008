// Reading a journal: at recovery, and beside a process that writes.
#include "store/journal/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace parrhesia::store::journal {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGiveUp =
    "Restore a backup of the whole folder; or, to go on without the events that only the journal "
    "has, move the files journal.* of this folder away.";

[[noreturn]] void refuse(const fs::path& file, std::string_view what, std::string_view remedy) {
    throw std::runtime_error(fmt::format("{}: {}. {}", file.string(), what, remedy));
}

struct LoadedFile {
    fs::path path;
    FileHeader header;
    std::string bytes;
};

// All of a file, or what `most` bytes of it are. False when it is gone or has just been renamed.
[[nodiscard]] bool load_bytes(const fs::path& path, std::size_t most, std::string& bytes) {
    const FileHandle handle(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!handle.is_open() && errno == ENOENT) return false;
    struct stat status {};
    if (!handle.is_open() || ::fstat(handle.get(), &status) != 0) {
        refuse(path, fmt::format("cannot be read: {}", std::system_category().message(errno)),
               "Check the rights of the file, and the disk.");
    }
    bytes.resize(std::min(static_cast<std::size_t>(status.st_size), most));
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t size = ::pread(handle.get(), bytes.data() + done, bytes.size() - done,
                                     static_cast<off_t>(done));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) {
            refuse(path, fmt::format("cannot be read: {}", std::system_category().message(errno)),
                   "Check the disk.");
        }
        if (size == 0) break;
        done += static_cast<std::size_t>(size);
    }
    bytes.resize(done);
    return true;
}

// The files in the order of their events. False when a process that writes has changed them
// meanwhile.
[[nodiscard]] bool load(const fs::path& folder, std::size_t most, std::vector<LoadedFile>& files) {
    files.clear();
    for (const auto& entry : fs::directory_iterator(folder)) {
        const auto first_seq = first_seq_of(entry.path().filename().string());
        if (!first_seq) continue;
        LoadedFile file;
        file.path = entry.path();
        if (!load_bytes(file.path, most, file.bytes)) return false;
        switch (decode_header(file.bytes, file.header)) {
            case HeaderState::valid:
                break;
            case HeaderState::newer_format:
                refuse(
                    file.path, "a journal of a newer format than this build knows",
                    "Start the release that wrote it once, and stop it: it empties the journal.");
            case HeaderState::invalid:
                refuse(file.path, "not a journal, or its first block is damaged", kGiveUp);
        }
        if (file.header.first_seq != *first_seq) return false;
        files.push_back(std::move(file));
    }
    std::sort(files.begin(), files.end(), [](const LoadedFile& a, const LoadedFile& b) {
        return a.header.first_seq < b.header.first_seq;
    });
    return true;
}

[[nodiscard]] bool same_files(const std::vector<LoadedFile>& a, const std::vector<LoadedFile>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const LoadedFile& one, const LoadedFile& other) {
                          return one.header.nonce == other.header.nonce;
                      });
}

// Files as they stood at one moment.
[[nodiscard]] std::vector<LoadedFile> load_all(const fs::path& folder) {
    constexpr int kAttempts = 100;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        std::vector<LoadedFile> files;
        std::vector<LoadedFile> again;
        if (load(folder, std::numeric_limits<std::size_t>::max(), files) &&
            load(folder, kHeaderBytes, again) && same_files(files, again)) {
            return files;
        }
    }
    refuse(folder, "the files of the journal change faster than they can be read",
           "Try again, or stop the relay first.");
}

// The files of the journal and the spare one, by name.
[[nodiscard]] std::vector<fs::path> files_of(const fs::path& folder, std::error_code& error) {
    std::vector<fs::path> paths;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename().string();
        if (first_seq_of(name) || name == kSpareName) paths.push_back(at->path());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

}  // namespace

std::vector<SequencedEvent> read(const fs::path& folder, const Epoch& epoch, std::uint64_t from) {
    const std::vector<LoadedFile> files = load_all(folder);
    std::vector<SequencedEvent> events;
    std::uint64_t next = from;  // the seq that must come next, or an earlier one
    for (std::size_t i = 0; i < files.size(); ++i) {
        const LoadedFile& file = files[i];
        if (file.header.epoch != epoch) {
            refuse(file.path, "the journal of another store than the data.mdb beside it", kGiveUp);
        }
        // What a file has from the next one's first seq on was never acknowledged.
        const std::uint64_t end = i + 1 < files.size() ? files[i + 1].header.first_seq
                                                       : std::numeric_limits<std::uint64_t>::max();
        if (file.header.first_seq > next) {
            refuse(file.path,
                   fmt::format("the events {} to {}, which should stand before it, are missing",
                               next, file.header.first_seq - 1),
                   kGiveUp);
        }
        std::vector<SequencedEvent> found;
        std::uint64_t expected = file.header.first_seq;
        std::size_t at = kBatchesAt;
        while (expected < end && decode_batch(file.bytes, at, file.header, expected, found)) {
            expected = file.header.first_seq + found.size();
        }
        for (SequencedEvent& event : found) {
            if (event.seq >= from && event.seq < end) events.push_back(std::move(event));
        }
        next = std::max(next, std::min(expected, end));
    }
    return events;
}

int remove_files(const fs::path& folder) {
    std::error_code error;
    // Oldest first: what a crash leaves has no gap.
    const std::vector<fs::path> paths = files_of(folder, error);
    if (error) return error.value();
    for (const fs::path& path : paths) {
        fs::remove(path, error);
        if (error) return error.value();
    }
    return paths.empty() ? 0 : sync_folder(folder);
}

std::uint64_t bytes_on_disk(const fs::path& folder) {
    std::uint64_t bytes = 0;
    std::error_code error;
    for (const fs::path& path : files_of(folder, error)) {
        const auto size = fs::file_size(path, error);
        if (!error) bytes += size;
    }
    return bytes;
}

}  // namespace parrhesia::store::journal
