// Making a new store: in a folder beside its place, then renamed, so that a crash leaves either no
// store or a whole one, and an empty data file is always a damaged one.
#include "store/lmdb/environment.hpp"
#include "store/lmdb/error.hpp"

#include <fmt/format.h>
#include <lmdb.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>

namespace parrhesia::store::lmdb {
namespace {

constexpr const char* kCreatingFolder = ".creating";

// A random UUID (version 4). It names this log: positions of another epoch mean nothing here.
[[nodiscard]] std::string random_epoch() {
    std::random_device device;
    std::string epoch;
    while (epoch.size() < 16) {
        const auto word = device();
        epoch.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    epoch.resize(16);
    epoch[6] = static_cast<char>((static_cast<unsigned char>(epoch[6]) & 0x0F) | 0x40);
    epoch[8] = static_cast<char>((static_cast<unsigned char>(epoch[8]) & 0x3F) | 0x80);
    return epoch;
}

[[nodiscard]] int put_meta(MDB_txn* txn, MDB_dbi meta, std::string_view key, std::string value) {
    std::string key_bytes(key);
    MDB_val key_value{key_bytes.size(), key_bytes.data()};
    MDB_val data{value.size(), value.data()};
    return mdb_put(txn, meta, &key_value, &data, 0);
}

[[nodiscard]] int fill(MDB_env* env) {
    MDB_txn* txn = nullptr;
    int code = mdb_txn_begin(env, nullptr, 0, &txn);
    if (code != 0) return code;
    MDB_dbi database = 0;
    const auto open = [&](const char* name) {
        return code == 0 ? mdb_dbi_open(txn, name, MDB_CREATE, &database) : code;
    };
    code = open(kEventDatabase);
    for (const char* name : kIndexNames) code = open(name);
    code = open(kTombstoneDatabase);
    code = open(kExpirationDatabase);
    code = open(kMetaDatabase);

    std::string format(kFormatName);
    format.resize(format.size() + 2);
    write_u16(format.data() + kFormatName.size(), kFormatVersion);
    std::string next_seq(8, '\0');
    write_u64(next_seq.data(), 1);
    if (code == 0) code = put_meta(txn, database, kMetaFormat, format);
    if (code == 0) code = put_meta(txn, database, kMetaEpoch, random_epoch());
    if (code == 0) code = put_meta(txn, database, kMetaNextSeq, next_seq);
    if (code != 0) {
        mdb_txn_abort(txn);
        return code;
    }
    return mdb_txn_commit(txn);
}

[[nodiscard]] int make_file(const std::filesystem::path& folder, std::uint64_t map_bytes) {
    MDB_env* env = nullptr;
    int code = mdb_env_create(&env);
    if (code != 0) return code;
    code = mdb_env_set_maxdbs(env, kDatabaseCount);
    if (code == 0) code = mdb_env_set_mapsize(env, map_bytes);
    // No MDB_CREATE: see Environment::open_handle().
    if (code == 0) code = mdb_env_open(env, folder.c_str(), MDB_NOTLS, 0600);
    if (code == 0) code = fill(env);
    mdb_env_close(env);
    return code;
}

}  // namespace

void create_data_file(const std::filesystem::path& folder, std::uint64_t map_bytes) {
    const std::filesystem::path creating = folder / kCreatingFolder;
    std::error_code error;
    std::filesystem::remove_all(creating, error);  // of a start that was cut short
    int code = ::mkdir(creating.c_str(), 0700) == 0 ? 0 : errno;
    if (code == 0) code = make_file(creating, map_bytes);
    if (code == 0 &&
        std::rename((creating / kDataFile).c_str(), (folder / kDataFile).c_str()) != 0) {
        code = errno;
    }
    if (code == 0) code = sync_folder(folder);
    std::filesystem::remove_all(creating, error);
    if (code != 0) {
        throw std::runtime_error(fmt::format(
            "the store cannot be made in {}: {}. Give the disk room and the folder to the "
            "user of the relay, or set store.path to another folder.",
            folder.string(), text_of(code)));
    }
}

}  // namespace parrhesia::store::lmdb
