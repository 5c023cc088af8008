// Transactions that hold the environment's gate, and the few calls the store makes inside them.
#pragma once

#include "store/lmdb/environment.hpp"

#include <lmdb.h>

#include <cstdint>
#include <string_view>

namespace parrhesia::store::lmdb {

[[nodiscard]] inline MDB_val to_val(std::string_view bytes) noexcept {
    // LMDB never writes through the pointers of keys and values it is given.
    return {bytes.size(), const_cast<char*>(bytes.data())};
}
[[nodiscard]] inline std::string_view to_view(const MDB_val& value) noexcept {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// A snapshot or the one writing transaction. begin() first; the destructor aborts what was not
// committed.
//
// Threading: one thread; no second transaction on that thread meanwhile (the gate does not nest).
// Errors:    methods return 0 or a code of LMDB.
class Transaction {
  public:
    enum class Mode { read, write };

    explicit Transaction(Environment& environment) noexcept : environment_(environment) {}
    ~Transaction() { abort(); }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    // Repairs what can be repaired (map grown by another process, stale readers, MDB_PANIC) and
    // tries again before it gives up.
    [[nodiscard]] int begin(Mode mode);
    [[nodiscard]] int commit();
    void abort() noexcept;

    [[nodiscard]] MDB_txn* handle() const noexcept { return txn_; }
    [[nodiscard]] Environment& environment() const noexcept { return environment_; }
    // Of the environment that this transaction began in.
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

    // `value` points into the map and is valid as long as the transaction reads only.
    [[nodiscard]] int get(MDB_dbi database, std::string_view key,
                          std::string_view& value) const noexcept {
        MDB_val key_value = to_val(key);
        MDB_val found{};
        const int code = mdb_get(txn_, database, &key_value, &found);
        if (code == 0) value = to_view(found);
        return code;
    }
    [[nodiscard]] int put(MDB_dbi database, std::string_view key, std::string_view value,
                          unsigned flags) const noexcept {
        MDB_val key_value = to_val(key);
        MDB_val data = to_val(value);
        return mdb_put(txn_, database, &key_value, &data, flags);
    }
    [[nodiscard]] int remove(MDB_dbi database, std::string_view key) const noexcept {
        MDB_val key_value = to_val(key);
        return mdb_del(txn_, database, &key_value, nullptr);
    }
    // The record of an event.
    [[nodiscard]] int get_record(std::uint64_t seq, std::string_view& record) const noexcept;
    // The seq that the next event gets.
    [[nodiscard]] int get_next_seq(std::uint64_t& seq) const noexcept;

  private:
    void leave() noexcept;

    Environment& environment_;
    MDB_txn* txn_ = nullptr;
    bool inside_ = false;  // the gate is held
    std::uint64_t generation_ = 0;
};

}  // namespace parrhesia::store::lmdb
