// The LMDB environment of a store: opening with every check, growth of the map, recovery.
//
// LMDB wants no transaction open in the process while its map is replaced. Transactions therefore
// hold the gate together, and growth and reopening hold it alone (transaction.hpp does so for its
// users).
#pragma once

#include "parrhesia/store/lmdb_store.hpp"

#include "store/lmdb/added_databases.hpp"
#include "store/lmdb/folder.hpp"
#include "store/lmdb/gate.hpp"
#include "store/lmdb/keys.hpp"

#include <lmdb.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>

namespace parrhesia::store::lmdb {

inline constexpr std::string_view kFormatName = "parrhesia-lmdb";
inline constexpr std::uint16_t kFormatVersion = 1;
inline constexpr std::string_view kMetaFormat = "format";
inline constexpr std::string_view kMetaEpoch = "epoch";
inline constexpr std::string_view kMetaNextSeq = "next_seq";
inline constexpr const char* kMetaDatabase = "meta";
inline constexpr const char* kEventDatabase = "event";
// The indexes, events and meta, and the added ones.
inline constexpr unsigned kDatabaseCount = kIndexCount + 4;

// Makes a store without events in `folder`. It appears there whole or not at all.
// Errors: throws std::runtime_error.
void create_data_file(const std::filesystem::path& folder, std::uint64_t map_bytes);

// Threading: every method from any thread, unless it says otherwise.
class Environment {
  public:
    // Opens, or makes the store first. Errors: throws std::runtime_error as open_lmdb_store() says.
    explicit Environment(LmdbOptions options);
    ~Environment();
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

    // --- with the gate held, together or alone ---
    [[nodiscard]] MDB_env* handle() const noexcept { return handle_; }  // null: reopening failed
    [[nodiscard]] MDB_dbi index(Index index) const noexcept {
        return indexes_[static_cast<std::size_t>(index)];
    }
    [[nodiscard]] MDB_dbi events() const noexcept { return events_; }
    [[nodiscard]] MDB_dbi meta() const noexcept { return meta_; }
    // kNoDatabase: an older store, opened for reading.
    [[nodiscard]] MDB_dbi tombstones() const noexcept { return added_.tombstones; }
    [[nodiscard]] MDB_dbi expirations() const noexcept { return added_.expirations; }
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

    // --- with the gate not held by this thread ---
    [[nodiscard]] Gate& gate() noexcept { return gate_; }
    [[nodiscard]] bool can_write() const noexcept { return can_write_; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return options_.path; }

    // Doubles the map. Returns 0 or why not.
    [[nodiscard]] int grow();
    // Takes over the size that another process has given the map.
    [[nodiscard]] int adopt_map_size();
    // Closes and opens anew, which is what MDB_PANIC asks for; does nothing when another thread has
    // done so since `seen`. Returns 0 or why not.
    [[nodiscard]] int reopen(std::uint64_t seen);
    // Tries to get from read-only to writable: the rights or the mount may have changed.
    [[nodiscard]] bool try_to_become_writable();
    // After a commit: makes the file as long as its last page says (see check_length() in the
    // .cpp).
    void after_commit() noexcept;
    // Tells the operator, once, when `code` (of LMDB) means that the file contradicts itself.
    void report_if_damaged(int code) noexcept;

  private:
    void open_handle();  // throws; handle_ stays null then
    [[nodiscard]] int open_environment(unsigned flags);
    void close_handle() noexcept;
    void check_length();
    void check_format();
    void add_databases();
    [[nodiscard]] std::uint64_t missing_bytes() const noexcept;
    [[nodiscard]] std::string data_file() const;

    const LmdbOptions options_;
    FileHandle lock_;        // of the one that writes
    FileHandle no_writers_;  // of one that reads without a place in the table of readers
    Gate gate_;
    std::atomic<bool> can_write_{false};
    std::atomic<bool> damage_reported_{false};
    // changed only by the one that holds the gate alone
    MDB_env* handle_ = nullptr;
    MDB_dbi meta_ = 0;
    MDB_dbi events_ = 0;
    std::array<MDB_dbi, kIndexCount> indexes_{};
    AddedDatabases added_;
    std::uint64_t generation_ = 0;
    std::uint64_t map_bytes_ = 0;
};

}  // namespace parrhesia::store::lmdb
