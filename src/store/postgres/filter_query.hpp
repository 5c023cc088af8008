// The events that match one filter, in the order of results, at most `limit` of them: a merge of
// streams that are read from the database some rows at a time.
#pragma once

#include "parrhesia/base/position.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"
#include "parrhesia/event/visibility.hpp"

#include "store/postgres/connection.hpp"
#include "store/rules/access.hpp"
#include "store/rules/vanish.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace parrhesia::store::postgres {

// Where an event stands in the order of results: the greater comes first. Two events of one
// author's making may share a place, if he has searched for ids that begin with the same eight
// bytes; which of them comes first is then open.
struct Place {
    std::int64_t created_at = 0;
    std::int64_t rank = 0;
    // NOLINTNEXTLINE(modernize-use-nullptr): as in bytes.hpp
    friend auto operator<=>(const Place&, const Place&) = default;
};

// What belongs to the whole scan.
struct ScanBounds {
    base::Mark mark;
    std::vector<Vanish> vanishes;
    std::shared_ptr<const event::Visibility> visibility;  // null: everything is shown
};

// An event that has been read.
struct ReadRow {
    Place place;
    std::uint64_t seq = 0;
    std::uint64_t xid = 0;
    event::Kind kind = 0;
    std::int64_t expires_at = 0;
    bool is_candidate = false;  // the database says that it matches
    bool is_accepted = false;   // and so do we
    event::Id id;
    event::PubKey pubkey;
    std::size_t size = 0;  // of raw
    std::string raw;       // empty: longer than kInlineBytes, and not fetched yet
};

// Threading: one thread at a time. Copies share nothing. Errors: DatabaseError.
class FilterQuery {
  public:
    explicit FilterQuery(event::Filter filter);

    // What is the next step towards the next match?
    enum class Need : std::uint8_t {
        nothing,  // head() is the next match
        rows,     // send_rows() and take_rows()
        raw,      // send_raw() and take_raw()
        end,      // there is none
    };
    Need find_next(const ScanBounds& bounds);
    // What find_next() has said last; void after consume() and take_...().
    [[nodiscard]] Need need() const noexcept { return need_; }

    // Into an open pipeline; `most` is how many matches the caller has use for.
    void send_rows(Connection& connection, std::size_t most);
    void take_rows(Connection& connection);
    void send_raw(Connection& connection) const;
    void take_raw(Connection& connection);

    [[nodiscard]] const ReadRow& head() const { return streams_[first_].front(); }
    // The next match has been dealt with; every stream that has it goes on behind it.
    void consume();
    // Forgets what has been read ahead: no buffer outlives a slice.
    void end_slice();

    // No more matches are wanted: its limit is reached.
    [[nodiscard]] bool is_full() const noexcept { return remaining_ == 0; }
    // Not if it was asked for no event at all.
    [[nodiscard]] bool can_look_further() const noexcept { return !streams_.empty(); }
    // Once is_full(): looks for one more match, to tell whether the limit has left one out.
    void look_further() noexcept { looks_further_ = true; }

  private:
    struct Stream {
        std::int64_t key = 0;
        Place done;            // read on behind this place
        Place read;            // the last place that has been read
        bool at_end = false;   // nothing behind `read`
        std::size_t next = 0;  // of `rows`
        std::vector<ReadRow> rows;

        [[nodiscard]] bool is_empty() const noexcept { return next == rows.size(); }
        [[nodiscard]] const ReadRow& front() const { return rows[next]; }
        void pop() { done = rows[next++].place; }
    };

    void make_streams();
    void make_conditions();
    [[nodiscard]] Need look_for_next(const ScanBounds& bounds);
    void find_first();
    [[nodiscard]] bool accepts(const ReadRow& row, const ScanBounds& bounds) const;
    [[nodiscard]] bool accepts_parsed(const ReadRow& row, const ScanBounds& bounds) const;
    [[nodiscard]] std::vector<std::size_t> streams_behind(const Place& last) const;
    [[nodiscard]] Place threshold(std::size_t most) const;
    void add_conditions(Parameters& parameters) const;
    void add_row(const Rows& rows, int row);
    [[nodiscard]] std::vector<std::int64_t> seqs_to_fetch() const;

    event::Filter filter_;
    AccessPath::By by_ = AccessPath::By::nothing;
    char tag_ = 0;                          // By::tag: the letter that the streams are of
    std::vector<std::string> lookup_keys_;  // By::id, By::address
    std::vector<std::vector<std::int64_t>> tag_conditions_;  // at most two, of the other letters
    std::vector<std::int64_t> author_condition_;
    std::vector<std::int32_t> kind_condition_;

    bool needs_tags_ = false;  // more conditions on tags than the database looks at

    std::vector<Stream> streams_;
    Need need_ = Need::end;
    // What find_first() has found: the stream whose next row comes first, if any has one; and
    // whether one of which nothing is left to look at may go on with something that comes before.
    std::size_t first_ = 0;
    bool has_first_ = false;
    bool is_undecided_ = false;
    std::vector<std::size_t> reading_;  // which streams the rows under way are of
    std::size_t reading_count_ = 0;     // rows asked of each
    std::int64_t reading_from_ = 0;     // created_at of the oldest rows asked for
    std::size_t chunk_ = 0;             // rows to ask of each next time; 0: not decided
    std::uint64_t remaining_;
    bool looks_further_ = false;
};

}  // namespace parrhesia::store::postgres
