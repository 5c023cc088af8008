#include "store/lmdb/removal.hpp"

#include <array>

namespace parrhesia::store::lmdb {

int remove_event(Transaction& txn, std::uint64_t seq, std::string& record) {
    std::string_view in_place;
    int code = txn.get_record(seq, in_place);
    if (code != 0) return code;
    record = in_place;  // the pages change under a view
    const auto event = EventView::from_record(record);
    if (!event) return MDB_CORRUPTED;
    const Environment& environment = txn.environment();
    for_each_entry(*event, [&](Index index, std::string_view entry) {
        if (code != 0) return;
        code = txn.remove(environment.index(index), entry);
        // A repeated tag has its entry removed the first time.
        if (code == MDB_NOTFOUND && index == Index::tag) code = 0;
    });
    if (code != 0) return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
    if (event->expiration() != 0) {
        const ExpirationKey expiration(event->expiration(), seq);
        code = txn.remove(environment.expirations(), expiration.view());
        // A build that does not know this index may have stored the event.
        if (code != 0 && code != MDB_NOTFOUND) return code;
    }
    std::array<char, 8> key;
    write_u64(key.data(), seq);
    return txn.remove(environment.events(), {key.data(), key.size()});
}

}  // namespace parrhesia::store::lmdb
