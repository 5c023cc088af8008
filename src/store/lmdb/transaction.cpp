#include "store/lmdb/transaction.hpp"

#include <array>

namespace parrhesia::store::lmdb {

int Transaction::begin(Mode mode) {
    const unsigned flags = mode == Mode::read ? MDB_RDONLY : 0U;
    constexpr int kAttempts = 3;
    for (int attempt = 1;; ++attempt) {
        environment_.gate().lock_shared();
        inside_ = true;
        generation_ = environment_.generation();
        MDB_env* env = environment_.handle();
        int code = env != nullptr ? mdb_txn_begin(env, nullptr, flags, &txn_) : MDB_PANIC;
        if (code == MDB_READERS_FULL && attempt < kAttempts) {
            int dead = 0;
            mdb_reader_check(env, &dead);
        }
        if (code == 0) return 0;
        txn_ = nullptr;
        leave();
        if (attempt == kAttempts) return code;
        switch (code) {
            case MDB_READERS_FULL:
                break;
            case MDB_MAP_RESIZED:
                code = environment_.adopt_map_size();
                break;
            case MDB_PANIC:
                code = environment_.reopen(generation_);
                break;
            default:
                return code;
        }
        if (code != 0 && code != MDB_READERS_FULL) return code;
    }
}

int Transaction::commit() {
    const int code = mdb_txn_commit(txn_);
    txn_ = nullptr;  // gone either way
    if (code == 0) environment_.after_commit();
    leave();
    return code;
}

void Transaction::abort() noexcept {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
    txn_ = nullptr;
    leave();
}

void Transaction::leave() noexcept {
    if (inside_) environment_.gate().unlock_shared();
    inside_ = false;
}

int Transaction::get_record(std::uint64_t seq, std::string_view& record) const noexcept {
    std::array<char, 8> key;
    write_u64(key.data(), seq);
    return get(environment_.events(), {key.data(), key.size()}, record);
}

int Transaction::get_next_seq(std::uint64_t& seq) const noexcept {
    std::string_view value;
    const int code = get(environment_.meta(), kMetaNextSeq, value);
    if (code != 0) return code;
    if (value.size() != 8) return MDB_CORRUPTED;
    seq = read_u64(value.data());
    return 0;
}

}  // namespace parrhesia::store::lmdb
