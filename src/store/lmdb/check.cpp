#include "store/lmdb/check.hpp"

#include "store/lmdb/cursor.hpp"
#include "store/lmdb/error.hpp"
#include "store/lmdb/transaction.hpp"
#include "store/rules/tombstones.hpp"

#include <fmt/format.h>

#include <array>
#include <set>
#include <string>
#include <utility>

namespace parrhesia::store {
namespace lmdb {
namespace {

constexpr std::size_t kMaxProblems = 20;

class Checker {
  public:
    explicit Checker(Environment& environment) : environment_(environment), txn_(environment) {}

    StoreCheck run() {
        int code = txn_.begin(Transaction::Mode::read);
        if (code == 0) code = txn_.get_next_seq(next_seq_);
        if (code == 0) code = check_events();
        if (code == 0) code = check_indexes();
        if (code == 0) code = check_expirations();
        if (code == 0) code = check_tombstones();
        if (code != 0) note(fmt::format("the check could not go on: {}", text_of(code)));
        return std::move(report_);
    }

  private:
    void note(std::string problem) {
        ++report_.problem_count;
        if (report_.problems.size() < kMaxProblems) report_.problems.push_back(std::move(problem));
    }

    template <class Visit>
    [[nodiscard]] int for_each_pair(MDB_dbi database, Visit&& visit) {
        Cursor cursor;
        int code = cursor.open(txn_, database);
        if (code != 0) return code;
        MDB_val key{};
        MDB_val value{};
        while ((code = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT)) == 0) {
            visit(to_view(key), to_view(value));
        }
        return code == MDB_NOTFOUND ? 0 : code;
    }

    // Every event has all its index entries.
    [[nodiscard]] int check_events() {
        return for_each_pair(
            environment_.events(), [&](std::string_view key, std::string_view record) {
                ++report_.events;
                if (key.size() != 8) return note("an event's key is not a number");
                const std::uint64_t seq = read_u64(key.data());
                if (seq == 0 || seq >= next_seq_) {
                    note(fmt::format("event {} is beyond next_seq {}", seq, next_seq_));
                }
                const auto event = EventView::from_record(record);
                if (!event) return note(fmt::format("the record of event {} is damaged", seq));
                check_entries(*event, seq);
                check_expiration(*event, seq);
            });
    }

    void check_entries(const EventView& event, std::uint64_t seq) {
        std::set<std::pair<Index, std::string>> seen;
        for_each_entry(event, [&](Index index, std::string_view key) {
            if (!seen.emplace(index, key).second) return;
            ++expected_[static_cast<std::size_t>(index)];
            std::string_view value;
            const int code = txn_.get(environment_.index(index), key, value);
            if (code == 0 && value == IndexValue(index, seq, event.kind()).view()) return;
            note(fmt::format("event {} has no entry in the index {} ({})", seq,
                             kIndexNames[static_cast<std::size_t>(index)],
                             code == 0 ? "it leads elsewhere" : text_of(code)));
        });
    }

    // No index has more entries than the events account for. Each event's entries are its own, so
    // equal counts prove it; where they differ, the superfluous entries are looked for.
    [[nodiscard]] int check_indexes() {
        for (std::size_t i = 0; i < kIndexCount; ++i) {
            const auto index = static_cast<Index>(i);
            MDB_stat shape{};
            int code = mdb_stat(txn_.handle(), environment_.index(index), &shape);
            if (code != 0) return code;
            report_.index_entries += shape.ms_entries;
            if (shape.ms_entries == expected_[i]) continue;
            note(fmt::format("the index {} has {} entries, {} belong there", kIndexNames[i],
                             shape.ms_entries, expected_[i]));
            code = for_each_pair(environment_.index(index),
                                 [&](std::string_view key, std::string_view value) {
                                     check_entry(index, key, value);
                                 });
            if (code != 0) return code;
        }
        return 0;
    }

    void check_entry(Index index, std::string_view key, std::string_view value) {
        const char* name = kIndexNames[static_cast<std::size_t>(index)];
        if (value.size() < 8) return note(fmt::format("an entry of the index {} is damaged", name));
        const std::uint64_t seq = read_u64(value.data());
        std::string_view record;
        if (txn_.get_record(seq, record) != 0) {
            return note(
                fmt::format("the index {} leads to event {}, which is not there", name, seq));
        }
        const auto event = EventView::from_record(record);
        bool found = false;
        if (event) {
            for_each_entry(*event, [&](Index of, std::string_view entry) {
                found = found || (of == index && entry == key);
            });
        }
        if (!found) note(fmt::format("the index {} has an entry that event {} lacks", name, seq));
    }

    void check_expiration(const EventView& event, std::uint64_t seq) {
        if (event.expiration() == 0 || environment_.expirations() == kNoDatabase) return;
        ++expected_expirations_;
        std::string_view value;
        const ExpirationKey key(event.expiration(), seq);
        const int code = txn_.get(environment_.expirations(), key.view(), value);
        if (code == 0) return;
        note(fmt::format("event {} has no entry in the index {} ({})", seq, kExpirationDatabase,
                         text_of(code)));
    }

    [[nodiscard]] int check_expirations() {
        if (environment_.expirations() == kNoDatabase) return 0;
        MDB_stat shape{};
        const int code = mdb_stat(txn_.handle(), environment_.expirations(), &shape);
        if (code != 0) return code;
        report_.index_entries += shape.ms_entries;
        if (shape.ms_entries != expected_expirations_) {
            note(fmt::format("the index {} has {} entries, {} belong there", kExpirationDatabase,
                             shape.ms_entries, expected_expirations_));
        }
        return 0;
    }

    [[nodiscard]] int check_tombstones() {
        if (environment_.tombstones() == kNoDatabase) return 0;
        return for_each_pair(environment_.tombstones(),
                             [&](std::string_view key, std::string_view value) {
                                 ++report_.tombstones;
                                 if (!is_tombstone(key, value)) note("a tombstone is damaged");
                             });
    }

    Environment& environment_;
    Transaction txn_;
    StoreCheck report_;
    std::uint64_t next_seq_ = 0;
    std::array<std::uint64_t, kIndexCount> expected_{};
    std::uint64_t expected_expirations_ = 0;
};

}  // namespace

StoreCheck check(Environment& environment) { return Checker(environment).run(); }

}  // namespace lmdb

StoreCheck check_lmdb_store(const LmdbOptions& options) {
    lmdb::Environment environment(options);
    return lmdb::check(environment);
}

}  // namespace parrhesia::store
