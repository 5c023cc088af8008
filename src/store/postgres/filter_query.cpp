#include "store/postgres/filter_query.hpp"

#include "parrhesia/event/parse.hpp"

#include "store/postgres/columns.hpp"
#include "store/postgres/read_statements.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <unordered_map>
#include <utility>

namespace parrhesia::store::postgres {
namespace {

using By = AccessPath::By;
using event::Filter;

constexpr std::size_t kMostChunk = 1000;         // rows of one stream at a time
constexpr std::size_t kMostRows = 4000;          // of all streams together
constexpr std::size_t kFetchBytes = 256 * 1024;  // of long events at a time

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();

// Before the first event of a filter.
[[nodiscard]] Place start_of(const Filter& filter) noexcept {
    if (filter.until == kHighest) return {kHighest, kHighest};
    return {filter.until + 1, kLowest};
}

template <class Values, class Value>
[[nodiscard]] bool allows(const Values& values, const Value& value) {
    return values.empty() || std::binary_search(values.begin(), values.end(), value);
}

template <class Numbers>
void sort_unique(Numbers& numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

}  // namespace

FilterQuery::FilterQuery(Filter filter)
    : filter_(std::move(filter)),
      remaining_(filter_.limit.value_or(std::numeric_limits<std::uint32_t>::max())) {
    make_streams();
}

void FilterQuery::make_streams() {
    const AccessPath path = choose_access(filter_);
    by_ = path.by;
    const Place start = start_of(filter_);
    std::vector<std::int64_t> keys;  // one stream each
    switch (by_) {
        case By::nothing:
            return;
        case By::id:
            for (const event::Id& id : filter_.ids) lookup_keys_.emplace_back(id.view());
            keys.push_back(0);
            break;
        case By::address:
            for (const KeyBuffer& address : addresses_of(filter_)) {
                lookup_keys_.emplace_back(address.view());
            }
            keys.push_back(0);
            break;
        case By::author_kind:
            for (const event::PubKey& author : filter_.authors) {
                for (const event::Kind kind : filter_.kinds) {
                    keys.push_back(author_kind_of(author.view(), kind));
                }
            }
            break;
        case By::author:
            for (const event::PubKey& author : filter_.authors) {
                keys.push_back(author_of(author.view()));
            }
            break;
        case By::tag:
            tag_ = path.tag->name;
            for (const std::string& value : path.tag->values) keys.push_back(tag_key(tag_, value));
            break;
        case By::kind:
            keys.assign(filter_.kinds.begin(), filter_.kinds.end());
            break;
        case By::created_at:
            keys.push_back(0);
            break;
    }
    sort_unique(keys);  // neighbouring ranges share pages; two values may share a key
    for (const std::int64_t key : keys) {
        Stream stream;
        stream.key = key;
        stream.done = stream.read = start;
        streams_.push_back(std::move(stream));
    }
    make_conditions();
}

// What the database is to look at besides the keys of the streams.
void FilterQuery::make_conditions() {
    if (by_ != By::kind && by_ != By::author_kind) {
        kind_condition_.assign(filter_.kinds.begin(), filter_.kinds.end());
    }
    if (by_ != By::author && by_ != By::author_kind) {
        for (const event::PubKey& author : filter_.authors) {
            author_condition_.push_back(author_of(author.view()));
        }
    }
    for (const event::TagFilter& tag : filter_.tags) {
        if (tag.name == tag_) continue;
        if (tag_conditions_.size() == 2) {
            needs_tags_ = true;
            continue;
        }
        std::vector<std::int64_t> condition;
        for (const std::string& value : tag.values) condition.push_back(tag_key(tag.name, value));
        tag_conditions_.push_back(std::move(condition));
    }
}

FilterQuery::Need FilterQuery::find_next(const ScanBounds& bounds) {
    need_ = look_for_next(bounds);
    return need_;
}

FilterQuery::Need FilterQuery::look_for_next(const ScanBounds& bounds) {
    if (is_full() && !looks_further_) return Need::end;
    for (;;) {
        find_first();
        if (is_undecided_) return Need::rows;
        if (!has_first_) return Need::end;
        Stream& stream = streams_[first_];
        ReadRow& row = stream.rows[stream.next];
        if (row.is_accepted) return Need::nothing;
        if (row.is_candidate && row.raw.empty()) return Need::raw;
        row.is_accepted = row.is_candidate && accepts(row, bounds);
        if (row.is_accepted) return Need::nothing;
        stream.pop();
    }
}

void FilterQuery::find_first() {
    has_first_ = false;
    const Stream* ends_first = nullptr;  // of those with nothing left to look at
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        const Stream& stream = streams_[i];
        if (stream.is_empty()) {
            if (!stream.at_end && (ends_first == nullptr || ends_first->read < stream.read)) {
                ends_first = &stream;
            }
        } else if (!has_first_ || head().place < stream.front().place) {
            first_ = i;
            has_first_ = true;
        }
    }
    is_undecided_ = ends_first != nullptr && (!has_first_ || ends_first->read > head().place);
}

bool FilterQuery::accepts(const ReadRow& row, const ScanBounds& bounds) const {
    if (!bounds.mark.covers({row.xid})) return false;
    // Streams are of the first bytes of keys.
    if (!allows(filter_.ids, row.id) || !allows(filter_.authors, row.pubkey) ||
        !allows(filter_.kinds, row.kind)) {
        return false;
    }
    const bool is_shown =
        bounds.visibility == nullptr ||
        (row.expires_at == 0 && bounds.visibility->shows_unless_expired(row.kind));
    // The database compares 64 bits of a SHA-256 of each tag: a false match costs whoever wants one
    // 2^32 attempts, and shows nothing but an event of his own.
    if (is_shown && !needs_tags_ && bounds.vanishes.empty()) return true;
    return accepts_parsed(row, bounds);
}

bool FilterQuery::accepts_parsed(const ReadRow& row, const ScanBounds& bounds) const {
    thread_local event::JsonReader reader;
    const auto parsed = reader.event(row.raw);
    if (!parsed) {
        throw DatabaseError(DatabaseError::Kind::statement, "XX001",
                            "event.raw with seq " + std::to_string(row.seq) +
                                " is no event: " + parsed.error().text);
    }
    const event::EventView event = (*parsed)->view();
    if (!event::matches(filter_, event)) return false;
    if (bounds.visibility != nullptr && !bounds.visibility->shows(event)) return false;
    return std::none_of(bounds.vanishes.begin(), bounds.vanishes.end(),
                        [&](const Vanish& vanish) { return vanish.takes(row.seq, event); });
}

void FilterQuery::send_rows(Connection& connection, std::size_t most) {
    most = static_cast<std::size_t>(std::min<std::uint64_t>(most, remaining_)) + 1;
    if (chunk_ == 0) chunk_ = std::clamp<std::size_t>(most / streams_.size(), 1, most);
    // Once so many have been read, nothing older than the last of them is of interest.
    const Place last = threshold(most);
    reading_ = streams_behind(last);
    reading_from_ = std::max(filter_.since, last.created_at);
    const std::size_t wanted = last.created_at == kLowest ? chunk_ : most;
    const std::size_t share = std::max<std::size_t>(kMostRows / reading_.size(), 1);
    reading_count_ = std::clamp<std::size_t>(wanted, 1, std::min(share, kMostChunk));
    chunk_ = std::min(2 * chunk_, kMostChunk);
    const auto count = static_cast<std::int64_t>(reading_count_);
    Parameters parameters;
    if (by_ == By::id || by_ == By::address) {
        const Place& from = streams_.front().read;
        parameters.add(std::int32_t{0}).add(std::span<const std::string>(lookup_keys_));
        parameters.add(from.created_at).add(from.rank).add(reading_from_).add(count);
    } else {
        std::vector<std::int32_t> numbers;
        std::vector<std::int64_t> keys;
        std::vector<std::int64_t> times;
        std::vector<std::int64_t> ranks;
        for (const std::size_t index : reading_) {
            const Stream& stream = streams_[index];
            numbers.push_back(static_cast<std::int32_t>(index));
            keys.push_back(stream.key);
            times.push_back(stream.read.created_at);
            ranks.push_back(stream.read.rank);
        }
        parameters.add(std::span<const std::int32_t>(numbers))
            .add(std::span<const std::int64_t>(keys))
            .add(std::span<const std::int64_t>(times))
            .add(std::span<const std::int64_t>(ranks))
            .add(reading_from_)
            .add(count);
    }
    add_conditions(parameters);
    connection.send(read_statement(by_), parameters);
}

void FilterQuery::add_conditions(Parameters& parameters) const {
    parameters.add_or_null(kind_condition_).add_or_null(author_condition_);
    for (std::size_t i = 0; i < 2; ++i) {
        if (i < tag_conditions_.size()) {
            parameters.add(std::span<const std::int64_t>(tag_conditions_[i]));
        } else {
            parameters.add_null();
        }
    }
}

// All that may have something that comes before `last`, so that few round trips are needed.
std::vector<std::size_t> FilterQuery::streams_behind(const Place& last) const {
    std::vector<std::size_t> result;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        const Stream& stream = streams_[i];
        if (!stream.at_end && stream.read > last) result.push_back(i);
    }
    return result;
}

// The place of the last of the next `most` candidates that have been read.
Place FilterQuery::threshold(std::size_t most) const {
    std::vector<Place> places;
    for (const Stream& stream : streams_) {
        for (std::size_t i = stream.next; i < stream.rows.size(); ++i) {
            if (stream.rows[i].is_candidate) places.push_back(stream.rows[i].place);
        }
    }
    if (places.size() < most) return {kLowest, kLowest};
    const auto nth = places.begin() + static_cast<std::ptrdiff_t>(most - 1);
    std::nth_element(places.begin(), nth, places.end(), std::greater<>());
    return *nth;
}

void FilterQuery::take_rows(Connection& connection) {
    const Rows rows = connection.next();
    std::vector<std::size_t> before(streams_.size());
    for (const std::size_t index : reading_) {
        Stream& stream = streams_[index];
        stream.rows.erase(stream.rows.begin(),
                          stream.rows.begin() + static_cast<std::ptrdiff_t>(stream.next));
        stream.next = 0;
        before[index] = stream.rows.size();
    }
    for (int row = 0; row < rows.size(); ++row) add_row(rows, row);
    for (const std::size_t index : reading_) {
        Stream& stream = streams_[index];
        if (!stream.rows.empty()) stream.read = stream.rows.back().place;
        if (stream.rows.size() - before[index] == reading_count_) continue;
        // All there is down to the second from which was read.
        stream.at_end = reading_from_ == filter_.since;
        if (!stream.at_end) stream.read = {reading_from_, kLowest};
    }
}

void FilterQuery::add_row(const Rows& rows, int row) {
    ReadRow result;
    result.place = {rows.int64(row, column::kCreatedAt), rows.int64(row, column::kRank)};
    result.seq = static_cast<std::uint64_t>(rows.int64(row, column::kSeq));
    if (!rows.is_null(row, column::kId)) {
        result.is_candidate = true;
        result.xid = static_cast<std::uint64_t>(rows.int64(row, column::kXid));
        result.kind = static_cast<event::Kind>(rows.int32(row, column::kKind));
        if (!rows.is_null(row, column::kExpiresAt)) {
            result.expires_at = rows.int64(row, column::kExpiresAt);
        }
        result.id = event::Id::from_raw(rows.bytes(row, column::kId));
        result.pubkey = event::PubKey::from_raw(rows.bytes(row, column::kPubkey));
        result.size = static_cast<std::size_t>(rows.int32(row, column::kSize));
        result.raw = rows.bytes(row, column::kRaw);
    }
    const auto index = static_cast<std::size_t>(rows.int32(row, column::kStream));
    assert(index < streams_.size());
    streams_[index].rows.push_back(std::move(result));
}

std::vector<std::int64_t> FilterQuery::seqs_to_fetch() const {
    std::vector<const ReadRow*> missing;
    for (const Stream& stream : streams_) {
        for (std::size_t i = stream.next; i < stream.rows.size(); ++i) {
            const ReadRow& row = stream.rows[i];
            if (row.is_candidate && row.raw.empty()) missing.push_back(&row);
        }
    }
    std::sort(missing.begin(), missing.end(),
              [](const ReadRow* a, const ReadRow* b) { return a->place > b->place; });
    std::vector<std::int64_t> seqs;
    std::size_t bytes = 0;
    for (const ReadRow* row : missing) {
        bytes += row->size;
        if (!seqs.empty() && bytes > kFetchBytes) break;
        seqs.push_back(static_cast<std::int64_t>(row->seq));
    }
    return seqs;
}

void FilterQuery::send_raw(Connection& connection) const {
    Parameters parameters;
    parameters.add(std::span<const std::int64_t>(seqs_to_fetch()));
    connection.send(kReadRaw, parameters);
}

void FilterQuery::take_raw(Connection& connection) {
    const std::vector<std::int64_t> asked = seqs_to_fetch();
    const Rows rows = connection.next();
    std::unordered_map<std::uint64_t, std::string_view> found;
    for (int row = 0; row < rows.size(); ++row) {
        found.emplace(static_cast<std::uint64_t>(rows.int64(row, 0)), rows.bytes(row, 1));
    }
    for (Stream& stream : streams_) {
        for (std::size_t i = stream.next; i < stream.rows.size(); ++i) {
            ReadRow& row = stream.rows[i];
            const auto raw = found.find(row.seq);
            if (raw != found.end()) {
                row.raw = raw->second;
            } else if (row.raw.empty() &&
                       std::find(asked.begin(), asked.end(), static_cast<std::int64_t>(row.seq)) !=
                           asked.end()) {
                row.is_candidate = false;  // replaced or deleted since it was read
            }
        }
    }
}

void FilterQuery::consume() {
    const Place place = head().place;
    const event::Id id = head().id;
    for (Stream& stream : streams_) {
        if (!stream.is_empty() && stream.front().place == place && stream.front().id == id) {
            stream.pop();
        }
    }
    if (remaining_ > 0) --remaining_;
}

void FilterQuery::end_slice() {
    for (Stream& stream : streams_) {
        if (!stream.is_empty()) {
            stream.at_end = false;
            stream.read = stream.done;
        }
        stream.rows.clear();
        stream.next = 0;
    }
    chunk_ = 0;
}

}  // namespace parrhesia::store::postgres
