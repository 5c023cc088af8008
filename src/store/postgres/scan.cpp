#include "store/postgres/scan.hpp"

#include "parrhesia/base/log.hpp"

#include "store/postgres/read_statements.hpp"
#include "store/postgres/stored_state.hpp"
#include "store/rules/keys.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace parrhesia::store::postgres {

using base::Errc;
using std::chrono::steady_clock;
using Need = FilterQuery::Need;

PostgresScan::PostgresScan(ReadSources& sources, std::chrono::milliseconds slice_time,
                           std::vector<Filter> filters, ScanOptions options)
    : sources_(sources), slice_time_(slice_time), want_(options.want) {
    bounds_.visibility = std::move(options.visibility);
    filters_.reserve(filters.size());
    for (Filter& filter : filters) filters_.emplace_back(std::move(filter));
}

base::error_code PostgresScan::next(const ScanBudget& budget, ScanPage& page) {
    page.clear();
    if (over_) {
        page.done = true;
        return {};
    }
    if (!begun_ && !sources_.replicas.empty()) {
        replica_ = sources_.replicas.choose(sources_.fence.load());
    }
    // A connection that has stood idle may have lost its server; what one slice has read is little.
    const std::vector<FilterQuery> before = filters_;
    const bool had_begun = begun_;
    for (int attempt = 0;; ++attempt) {
        try {
            run_slice(replica_, budget, page);
            for (FilterQuery& filter : filters_) filter.end_slice();
            over_ = page.done;
            return {};
        } catch (const DatabaseError& error) {
            page.clear();
            const bool may_succeed =
                error.kind() == DatabaseError::Kind::lost || replica_ != nullptr;
            if (may_succeed && attempt < 2 && sources_.availability.is_up()) {
                base::log::debug("store: a query is tried again: {}", error.what());
                replica_ = nullptr;  // what a standby's mark covers, the primary has
                filters_ = before;
                begun_ = had_begun;
                continue;
            }
            over_ = true;
            return meaning_of(error);
        }
    }
}

base::error_code PostgresScan::meaning_of(const DatabaseError& error) const {
    base::log::debug("store: a query failed: {}", error.what());
    if (error.sqlstate().starts_with("XX")) {
        base::log::error("store: the database is damaged: {}", error.what());
        return Errc::store_damaged;
    }
    const bool took_too_long =
        error.kind() == DatabaseError::Kind::timed_out || error.sqlstate() == "57014";
    return took_too_long ? Errc::timed_out : Errc::store_unavailable;
}

void PostgresScan::run_slice(Replica* replica, const ScanBudget& budget, ScanPage& page) {
    const Availability& source =
        replica != nullptr ? replica->availability() : sources_.availability;
    const Patience patience{steady_clock::now() + slice_time_, [&source, &budget] {
                                return !source.is_up() ||
                                       (budget.cancelled != nullptr && *budget.cancelled);
                            }};
    const ConnectionPool::Lease connection =
        (replica != nullptr ? replica->pool() : sources_.primary).borrow(patience);
    // Most queries need two or three readings, and what has been read ahead is lost with the slice:
    // only those that go on searching are interrupted.
    constexpr int kReadings = 4;
    for (int readings = 0; !fill(budget, page); ++readings) {
        if (readings >= kReadings && steady_clock::now() >= budget.deadline) return;
        read_on(*connection, rows_that_fit(budget, page));
    }
    if (page.done) find_completeness(*connection, page.completeness);
}

bool PostgresScan::fill(const ScanBudget& budget, ScanPage& page) {
    if (!begun_) return false;
    for (;;) {
        const FilterQuery* first = nullptr;
        bool is_decided = true;
        for (FilterQuery& filter : filters_) {
            switch (filter.find_next(bounds_)) {
                case Need::end:
                    break;
                case Need::nothing:
                    if (first == nullptr || filter.head().place > first->head().place) {
                        first = &filter;
                    }
                    break;
                case Need::rows:
                case Need::raw:
                    is_decided = false;
                    break;
            }
        }
        if (!is_decided) return page.rows.size() >= budget.max_rows;
        if (first == nullptr) {
            page.done = true;
            return true;
        }
        const ReadRow& row = first->head();
        if (page.rows.size() >= budget.max_rows) return true;
        if (want_ == ScanOptions::Want::json && !page.rows.empty() &&
            page.text.size() + row.raw.size() > budget.max_bytes) {
            return true;
        }
        add_row(row, page);
        const Id sent = row.id;
        // Every filter that has this event counts it, and it is sent once.
        for (FilterQuery& filter : filters_) {
            if (filter.need() == Need::nothing && filter.head().id == sent) filter.consume();
        }
    }
}

void PostgresScan::add_row(const ReadRow& row, ScanPage& page) {
    ScanRow result{row.id, row.place.created_at, row.kind, 0, 0};
    if (want_ == ScanOptions::Want::authors) {
        page.authors.push_back(row.pubkey);
    } else {
        result.json_offset = static_cast<std::uint32_t>(page.text.size());
        result.json_size = static_cast<std::uint32_t>(row.raw.size());
        page.text.append(row.raw);
    }
    page.rows.push_back(result);
    ++emitted_rows_;
    emitted_bytes_ += row.raw.size();
}

void PostgresScan::read_on(Connection& connection, std::size_t most) {
    connection.begin_pipeline();
    // The mark first: what commits after it belongs to the live path, and is passed over.
    if (!begun_) {
        Parameters none;
        connection.send(replica_ != nullptr ? kReadStandbySnapshot : kReadSnapshot, none);
        connection.send(kReadVanishes, none);
    }
    std::vector<Need> needs;
    for (FilterQuery& filter : filters_) {
        needs.push_back(filter.find_next(bounds_));  // at first it has nothing to look at
        if (needs.back() == Need::rows) filter.send_rows(connection, most);
        if (needs.back() == Need::raw) filter.send_raw(connection);
    }
    connection.flush_pipeline();
    Rows snapshot;
    Rows vanishes;
    if (!begun_) {
        snapshot = connection.next();
        vanishes = connection.next();
    }
    for (std::size_t i = 0; i < filters_.size(); ++i) {
        if (needs[i] == Need::rows) filters_[i].take_rows(connection);
        if (needs[i] == Need::raw) filters_[i].take_raw(connection);
    }
    connection.end_pipeline();
    if (!begun_) begin(snapshot, vanishes);
}

void PostgresScan::begin(const Rows& snapshot, const Rows& vanishes) {
    if (replica_ == nullptr) {
        bounds_.mark = read_snapshot(snapshot.bytes(0, 0));
    } else if (snapshot.is_null(0, 1)) {
        throw DatabaseError(DatabaseError::Kind::statement, "",
                            "the standby has seen too many open transactions");
    } else {
        bounds_.mark = read_snapshot(snapshot.bytes(0, 0), snapshot.numbers(0, 1));
    }
    sources_.database.note_mark(bounds_.mark.seq());
    bounds_.vanishes = read_vanishes(vanishes);
    begun_ = true;
}

// About as many rows as the page has room for: what is read and does not fit is read again.
std::size_t PostgresScan::rows_that_fit(const ScanBudget& budget, const ScanPage& page) const {
    constexpr std::size_t kUsualSize = 600;
    const std::size_t rows = budget.max_rows - page.rows.size();
    if (want_ == ScanOptions::Want::authors) return rows;
    const std::size_t size =
        emitted_rows_ == 0 ? kUsualSize : std::max<std::size_t>(emitted_bytes_ / emitted_rows_, 1);
    const std::size_t room = budget.max_bytes - std::min(budget.max_bytes, page.text.size());
    return std::clamp<std::size_t>(room / size + 1, 1, rows);
}

void PostgresScan::find_completeness(Connection& connection, Completeness& result) {
    result = Completeness::finished;
    for (FilterQuery& filter : filters_) {
        if (!filter.is_full()) continue;
        if (!filter.can_look_further()) {
            result = Completeness::unknown;
            return;
        }
        filter.look_further();
        Need need = filter.find_next(bounds_);
        if (need == Need::rows || need == Need::raw) {  // one look further costs little
            read_on(connection, 1);
            need = filter.find_next(bounds_);
        }
        if (need == Need::end) continue;
        // What one filter's limit leaves out another one may have sent.
        const bool proven = need == Need::nothing && filters_.size() == 1;
        result = proven ? Completeness::more : Completeness::unknown;
        return;
    }
}

base::Mark read_snapshot(std::string_view bytes, std::optional<base::Mark::Seqs> open) {
    // The number of open transactions, xmin, xmax, and the open ones.
    constexpr std::size_t kHead = 4 + 8 + 8;
    if (bytes.size() < kHead || (bytes.size() - kHead) % 8 != 0) {
        throw DatabaseError(DatabaseError::Kind::statement, "",
                            "the server's snapshot has an unknown format");
    }
    const std::uint64_t end = read_u64(bytes.data() + 4 + 8);
    auto excluded = std::make_shared<base::Mark::Seqs>();
    if (open) {
        *excluded = *std::move(open);
    } else {
        for (std::size_t at = kHead; at < bytes.size(); at += 8) {
            excluded->push_back(read_u64(bytes.data() + at));
        }
    }
    std::sort(excluded->begin(), excluded->end());
    return base::Mark(end - 1, excluded->empty() ? nullptr : std::move(excluded));
}

}  // namespace parrhesia::store::postgres
