#include "store/lmdb/environment.hpp"

#include "parrhesia/base/log.hpp"

#include "store/lmdb/error.hpp"
#include "store/lmdb/truncation.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stdexcept>
#include <system_error>

namespace parrhesia::store::lmdb {
namespace log = base::log;
namespace {

// Below this not even an empty store fits.
constexpr std::uint64_t kSmallestMapBytes = std::uint64_t{256} << 10;
constexpr const char* kRestore =
    "Restore a backup, or move the file away to start with an empty store.";

[[noreturn]] void refuse(const std::string& file, std::string_view what, std::string_view remedy) {
    throw std::runtime_error(fmt::format("{}: {}. {}", file, what, remedy));
}

[[noreturn]] void refuse_code(const std::string& file, int code) {
    switch (code) {
        case MDB_INVALID:
            refuse(file, "not an LMDB file, or its first pages are damaged", kRestore);
        case MDB_CORRUPTED:
        case MDB_PAGE_NOTFOUND:
            refuse(file, "damaged (" + text_of(code) + ")", kRestore);
        case MDB_VERSION_MISMATCH:
            refuse(file, "made by a version of LMDB that this build cannot read",
                   "Export with the program that made it, and import here.");
        case MDB_NOTFOUND:
            refuse(file, "an LMDB file, but not of Parrhesia",
                   "Set store.path to another folder; `parrhesia import` takes events as JSONL.");
        case ENOENT:
            refuse(file, "there is no store in this folder",
                   "Check store.path; a relay makes the store when it first starts.");
        case ENOMEM:
            refuse(file,
                   "its map does not fit into the address space or memory limits of this process",
                   "Raise the limit (ulimit -v).");
        case MDB_READERS_FULL:
            refuse(file, "its table of readers is full",
                   "Stop some of the processes that read this store, or raise max_readers.");
        default:
            refuse(file, "cannot be opened: " + text_of(code),
                   "Check the rights of the folder and its files, and the disk.");
    }
}

}  // namespace

Environment::Environment(LmdbOptions options) : options_(std::move(options)) {
    map_bytes_ = std::max(options_.initial_map_bytes, kSmallestMapBytes);
    if (!options_.read_only) {
        make_folder(options_.path);
        int reason = 0;
        if (auto lock = lock_folder(options_.path, reason)) {
            lock_ = std::move(*lock);
            can_write_ = true;
        } else {
            log::warn("the store {} cannot be written ({}): it is opened for reading only",
                      options_.path.string(), text_of(reason));
        }
    }
    std::error_code error;
    if (can_write_ && !std::filesystem::exists(data_file(), error)) {
        create_data_file(options_.path, map_bytes_);
    }
    open_handle();
}

Environment::~Environment() { close_handle(); }

std::string Environment::data_file() const { return (options_.path / kDataFile).string(); }

int Environment::open_environment(unsigned flags) {
    int code = mdb_env_create(&handle_);
    if (code != 0) return code;
    code = mdb_env_set_maxdbs(handle_, kDatabaseCount);
    if (code == 0) code = mdb_env_set_maxreaders(handle_, options_.max_readers);
    if (code == 0) code = mdb_env_set_mapsize(handle_, map_bytes_);
    // MDB_CREATE belongs to mdb_dbi_open(). Here the same bit is MDB_NOMETASYNC: a commit would
    // return before its meta page is on the disk, and a power cut could undo it.
    if (code == 0) code = mdb_env_open(handle_, options_.path.c_str(), flags, 0600);
    if (code != 0) close_handle();
    return code;
}

void Environment::open_handle() {
    // LMDB would take a file of no bytes for a new one. Ours are never empty (create.cpp).
    struct stat status {};
    if (::stat(data_file().c_str(), &status) == 0 && status.st_size == 0) {
        refuse(data_file(), "empty", kRestore);
    }
    int code = can_write_ ? reserve_readers_file(options_.path, options_.max_readers) : 0;
    if (code != 0) refuse_code((options_.path / kReadersFile).string(), code);

    const unsigned flags = MDB_NOTLS | (can_write_ ? 0U : MDB_RDONLY);
    code = open_environment(flags);
    if ((code == EACCES || code == EROFS || code == EPERM) && !can_write_ &&
        hold_writers_off(options_.path, no_writers_)) {
        code = open_environment(flags | MDB_NOLOCK);
    }
    if (code != 0) refuse_code(data_file(), code);
    try {
        // Readers that died without a word would keep old pages from being used again.
        int dead = 0;
        mdb_reader_check(handle_, &dead);
        if (dead > 0) log::info("store: cleared {} readers of processes that have died", dead);
        check_length();
        check_format();
        if (can_write_) add_databases();
    } catch (...) {
        close_handle();
        throw;
    }
    MDB_envinfo info{};
    mdb_env_info(handle_, &info);
    map_bytes_ = info.me_mapsize;
}

void Environment::close_handle() noexcept {
    if (handle_ != nullptr) mdb_env_close(handle_);
    handle_ = nullptr;
}

std::uint64_t Environment::missing_bytes() const noexcept {
    MDB_envinfo info{};
    MDB_stat pages{};
    struct stat status {};
    int descriptor = -1;
    if (mdb_env_info(handle_, &info) != 0 || mdb_env_stat(handle_, &pages) != 0 ||
        mdb_env_get_fd(handle_, &descriptor) != 0 || ::fstat(descriptor, &status) != 0) {
        return 0;
    }
    const std::uint64_t wanted = (info.me_last_pgno + 1) * std::uint64_t{pages.ms_psize};
    const auto size = static_cast<std::uint64_t>(status.st_size);
    return wanted > size ? wanted - size : 0;
}

// A file shorter than its last page: truncated, as a rule. But LMDB does not write a last page that
// was used and freed within one transaction, so a whole file can look like that, too.
// after_commit() fills the gap; a crash before it leaves the question open, and the list of free
// pages answers it.
void Environment::check_length() {
    const std::uint64_t missing = missing_bytes();
    if (missing == 0) return;
    if (can_write_ && fill_gap_if_unused(handle_)) return;
    refuse(data_file(), fmt::format("truncated: {} bytes are missing at its end", missing),
           kRestore);
}

void Environment::after_commit() noexcept {
    const std::uint64_t missing = missing_bytes();
    if (missing != 0) extend_file(handle_, missing);
}

void Environment::report_if_damaged(int code) noexcept {
    if (meaning_of(code) != base::Errc::store_damaged || damage_reported_.exchange(true)) return;
    log::error(
        "store: {} is damaged: {}. What is whole is still served; check it and restore a backup.",
        data_file(), text_of(code));
}

void Environment::check_format() {
    MDB_txn* txn = nullptr;
    int code = mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &txn);
    // A process that writes may grow the map between our opening it and this look at it.
    while (code == MDB_MAP_RESIZED) {
        code = mdb_env_set_mapsize(handle_, 0);
        if (code == 0) code = mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &txn);
    }
    if (code != 0) refuse_code(data_file(), code);
    MDB_val format{};
    const auto open = [&](const char* name, MDB_dbi& database) {
        if (code == 0) code = mdb_dbi_open(txn, name, 0, &database);
    };
    open(kMetaDatabase, meta_);
    if (code == 0) {
        std::string key(kMetaFormat);
        MDB_val key_value{key.size(), key.data()};
        code = mdb_get(txn, meta_, &key_value, &format);
    }
    std::string_view text(static_cast<const char*>(format.mv_data), code == 0 ? format.mv_size : 0);
    if (code == 0 && (text.size() != kFormatName.size() + 2 || !text.starts_with(kFormatName))) {
        code = MDB_NOTFOUND;
    }
    if (code != 0) {
        mdb_txn_abort(txn);
        refuse_code(data_file(), code);
    }
    const std::uint16_t version = read_u16(text.data() + kFormatName.size());
    if (version != kFormatVersion) {
        mdb_txn_abort(txn);
        refuse(data_file(),
               fmt::format("has format {} and this build reads format {}", version, kFormatVersion),
               "Use the release that wrote it, or export with that release and import here.");
    }
    open(kEventDatabase, events_);
    for (std::size_t i = 0; i < kIndexCount; ++i) open(kIndexNames[i], indexes_[i]);
    if (code == 0) code = open_added_databases(txn, added_);
    // Only a commit keeps the database handles for later transactions, a reading one as well.
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    if (code == MDB_NOTFOUND) code = MDB_CORRUPTED;  // ours, but a database is missing
    if (code != 0) refuse_code(data_file(), code);
}

void Environment::add_databases() {
    if (added_.tombstones != kNoDatabase && added_.expirations != kNoDatabase) return;
    int code = make_added_databases(handle_, events_, added_);
    while (code == MDB_MAP_FULL) {
        MDB_envinfo info{};
        mdb_env_info(handle_, &info);
        code = mdb_env_set_mapsize(handle_, info.me_mapsize * 2);
        if (code == 0) code = make_added_databases(handle_, events_, added_);
    }
    if (code != 0) refuse_code(data_file(), code);
    after_commit();
    log::info("store: {} has got its tombstones and its index of expirations", data_file());
}

int Environment::grow() {
    const std::unique_lock alone(gate_);
    if (handle_ == nullptr) return MDB_PANIC;
    MDB_envinfo info{};
    mdb_env_info(handle_, &info);
    const std::uint64_t before = info.me_mapsize;
    const int code = mdb_env_set_mapsize(handle_, before * 2);
    if (code == 0) {
        map_bytes_ = before * 2;
        log::info("store: the map has grown to {} KiB", map_bytes_ >> 10);
        return 0;
    }
    // LMDB has unmapped the old one already: only opening anew helps.
    log::warn("store: the map cannot grow to {} KiB: {}", (before * 2) >> 10, text_of(code));
    close_handle();
    try {
        ++generation_;
        open_handle();
    } catch (const std::exception& error) {
        log::error("store: {}", error.what());
    }
    return code;
}

int Environment::adopt_map_size() {
    const std::unique_lock alone(gate_);
    if (handle_ == nullptr) return MDB_PANIC;
    return mdb_env_set_mapsize(handle_, 0);
}

int Environment::reopen(std::uint64_t seen) {
    const std::unique_lock alone(gate_);
    if (generation_ != seen && handle_ != nullptr) return 0;
    close_handle();
    ++generation_;
    try {
        open_handle();
        log::warn("store: reopened after an error that LMDB cannot go on from");
        return 0;
    } catch (const std::exception& error) {
        log::error("store: {}", error.what());
        return MDB_PANIC;
    }
}

bool Environment::try_to_become_writable() {
    if (options_.read_only) return false;
    std::optional<FileHandle> lock;
    try {
        bool holds_writers_off = false;
        {
            const std::shared_lock together(gate_);
            holds_writers_off = no_writers_.is_open();
        }
        // Our own hold on LOCK would be in the way; it keeps every other writer out until we try
        // below.
        if (holds_writers_off) {
            if (!may_write(options_.path)) return false;
        } else {
            int reason = 0;
            lock = lock_folder(options_.path, reason);
            if (!lock) return false;
        }
    } catch (const std::exception& error) {
        log::debug("store: still not writable: {}", error.what());
        return false;
    }
    const std::unique_lock alone(gate_);
    close_handle();
    ++generation_;
    try {
        no_writers_ = FileHandle();
        int reason = 0;
        if (!lock) lock = lock_folder(options_.path, reason);
        can_write_ = lock.has_value();
        if (lock) lock_ = std::move(*lock);
        open_handle();
        return can_write_;
    } catch (const std::exception& error) {
        log::error("store: {}", error.what());
    }
    can_write_ = false;
    lock_ = FileHandle();
    try {
        open_handle();
    } catch (const std::exception& error) {
        log::error("store: {}", error.what());
    }
    return false;
}

}  // namespace parrhesia::store::lmdb
