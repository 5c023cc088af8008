// The journal: where an event becomes durable before it is in the indexes (write-ahead log).
//
// Files of one size, written front to back in whole batches, one synchronous write each. When all
// events of a file are in the indexes it is used again, so that a commit overwrites blocks that the
// file system has placed long ago: that takes half the time of one that makes a file longer. The
// format, and what recovery makes of every kind of file, is in docs/storage.md.
#pragma once

#include "parrhesia/base/file.hpp"

#include "store/journal/format.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace parrhesia::store::journal {

using base::FileHandle;
using base::sync_folder;

// Reads all events from seq `from` on, in the order of their seqs, without gaps. Another process
// may write to the folder meanwhile.
//
// Errors: throws std::runtime_error that names the file and the remedy: a journal of another store
// or a newer format, a damaged file, events missing between `from` and the first one found.
[[nodiscard]] std::vector<SequencedEvent> read(const std::filesystem::path& folder,
                                               const Epoch& epoch, std::uint64_t from);

// Deletes all files of the journal: every event in them is in the indexes. Returns 0 or an errno.
[[nodiscard]] int remove_files(const std::filesystem::path& folder);

// The size of all files of the journal.
[[nodiscard]] std::uint64_t bytes_on_disk(const std::filesystem::path& folder);

// Writes. When it is made the folder has no file of a journal: recovery has indexed and removed
// them.
//
// Threading: one thread. Errors: methods return 0 or an errno.
class Journal {
  public:
    Journal(std::filesystem::path folder, const Epoch& epoch, std::size_t file_bytes);
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    // `events`, at least one, with seqs that follow each other and those of the last append. They
    // are durable on return 0. After another result none of them counts, and the next append uses
    // their seqs again. Files with no seq above `indexed` may be used again.
    [[nodiscard]] int append(std::span<const SequencedEvent> events, std::uint64_t indexed);

  private:
    struct File {
        std::filesystem::path path;
        std::uint64_t last_seq = 0;  // of the events in it
    };

    [[nodiscard]] int begin_file(std::uint64_t first_seq, std::uint64_t indexed);
    [[nodiscard]] int take_back_file(std::uint64_t indexed, FileHandle& handle, bool& taken);
    [[nodiscard]] int make_file(FileHandle& handle) const;
    void end_file();

    const std::filesystem::path folder_;
    const std::filesystem::path spare_path_;
    const Epoch epoch_;
    const std::size_t file_bytes_;
    std::random_device random_;
    std::deque<File> full_;  // no longer written to, oldest first

    // the file being written, if any
    FileHandle handle_;
    File file_;
    std::uint64_t nonce_ = 0;
    std::size_t position_ = 0;  // where the next batch goes

    Blocks batch_;  // being encoded
};

}  // namespace parrhesia::store::journal
