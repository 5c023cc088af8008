#include "mixes.hpp"

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/json.hpp"
#include "parrhesia/event/filter.hpp"
#include "parrhesia/event/parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace parrhesia::bench {
namespace {

using Number = EventTable::Number;

std::string list_of(const std::vector<std::string>& values) {
    std::string out = "[";
    for (const std::string& value : values) {
        if (out.size() > 1) out += ',';
        base::append_json_string(out, value);
    }
    return out + "]";
}

bool is_newer(const event::Event& a, const event::Event& b) {
    if (a.created_at() != b.created_at()) return a.created_at() > b.created_at();
    return a.id() < b.id();
}

// Events of which a relay keeps one have the same address; "" for the others.
std::string address_of(const event::Event& event) {
    const event::KindClass kind_class = event::class_of(event.kind());
    if (kind_class == event::KindClass::regular) return {};
    std::string address = fmt::format("{}:{}:", event.kind(), base::to_hex(event.pubkey()));
    if (kind_class == event::KindClass::addressable) address += event.view().identifier();
    return address;
}

}  // namespace

std::vector<Number> stored_events(const EventTable& events) {
    std::unordered_map<std::string, Number> newest;
    std::vector<Number> stored;
    for (Number i = 0; i < events.size(); ++i) {
        if (event::is_ephemeral(events[i].kind())) continue;
        const std::string address = address_of(events[i]);
        if (address.empty()) {
            stored.push_back(i);
            continue;
        }
        const auto [at, is_first] = newest.emplace(address, i);
        if (!is_first && is_newer(events[i], events[at->second])) at->second = i;
    }
    for (const auto& [address, number] : newest) stored.push_back(number);
    std::sort(stored.begin(), stored.end(),
              [&events](Number a, Number b) { return is_newer(events[a], events[b]); });
    return stored;
}

const std::vector<std::string>& mix_names() {
    static const std::vector<std::string> names = {"ids20",     "author_kind100", "timeline200",
                                                   "replies_e", "tag_t",          "profile",
                                                   "group_h",   "newest",         "paginate"};
    return names;
}

namespace {

std::vector<Number> served_events(const EventTable& events) {
    std::vector<Number> served = stored_events(events);
    std::erase_if(served, [&events](Number number) { return !is_for_all(events[number]); });
    return served;
}

}  // namespace

Mixes::Mixes(const EventTable& events) : events_(events), stored_(served_events(events)) {}

std::vector<std::string> Mixes::frequent(char tag, event::Kind kind, std::size_t at_least) const {
    std::map<std::string, std::size_t> counts;
    for (const Number number : stored_) {
        const event::Event& event = events_[number];
        if (event.kind() != kind) continue;
        if (tag == 0) {
            ++counts[base::to_hex(event.pubkey())];
            continue;
        }
        for (const event::IndexedTag& indexed : event.view().tags()) {
            if (indexed.name == tag) ++counts[std::string(indexed.value)];
        }
    }
    std::vector<std::pair<std::size_t, std::string>> order;
    for (const auto& [value, count] : counts) {
        if (count >= at_least) order.emplace_back(count, value);
    }
    std::sort(order.rbegin(), order.rend());
    std::vector<std::string> values;
    values.reserve(order.size());
    for (auto& [count, value] : order) values.push_back(std::move(value));
    return values;
}

std::vector<std::string> Mixes::filters(std::string_view mix, std::size_t count,
                                        std::size_t limit) {
    std::vector<std::string> result;
    const auto pick = [this](const std::vector<std::string>& from, std::size_t wanted) {
        std::vector<std::string> chosen;
        for (std::size_t i = 0; i < wanted; ++i) chosen.push_back(from[random_.below(from.size())]);
        std::sort(chosen.begin(), chosen.end());
        chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
        return chosen;
    };
    const auto each = [&](const std::vector<std::string>& values, std::string_view format) {
        for (std::size_t i = 0; i < std::min(count, values.size()); ++i) {
            result.push_back(fmt::format(fmt::runtime(format), list_of({values[i]}), limit));
        }
    };
    if (mix == "ids20") {
        for (std::size_t i = 0; i < count; ++i) {
            std::vector<std::string> ids;
            for (std::size_t k = 0; k < 20; ++k) {
                const Number number = stored_[random_.below(stored_.size())];
                ids.push_back(base::to_hex(events_[number].id()));
            }
            result.push_back(fmt::format(R"({{"ids":{}}})", list_of(ids)));
        }
    } else if (mix == "author_kind100") {
        each(frequent(0, 1, limit), R"({{"authors":{},"kinds":[1],"limit":{}}})");
    } else if (mix == "timeline200") {
        const auto authors = frequent(0, 1, 1);
        for (std::size_t i = 0; i < count && !authors.empty(); ++i) {
            result.push_back(fmt::format(R"({{"authors":{},"kinds":[1,6],"limit":{}}})",
                                         list_of(pick(authors, 200)), limit));
        }
    } else if (mix == "replies_e") {
        each(frequent('e', 1, 2), R"({{"#e":{},"kinds":[1],"limit":{}}})");
    } else if (mix == "tag_t") {
        each(frequent('t', 1, 2), R"({{"#t":{},"limit":{}}})");
    } else if (mix == "profile") {
        each(frequent(0, 0, 1), R"({{"authors":{},"kinds":[0,3,10002],"limit":{}}})");
    } else if (mix == "group_h") {
        each(frequent('h', 445, 1), R"({{"#h":{},"kinds":[445],"limit":{}}})");
    } else if (mix == "newest") {
        result.push_back(fmt::format(R"({{"limit":{}}})", limit));
    } else {
        throw std::runtime_error(fmt::format("there is no mix named {}", mix));
    }
    return result;
}

Query Mixes::answered(std::string text, std::size_t limit) const {
    event::JsonReader reader;
    const event::Filter filter = reader.filter(text).value();
    Query query;
    query.filter = std::move(text);
    const std::size_t wanted = filter.ids.empty() ? limit : stored_.size();
    for (const Number number : stored_) {
        const event::Event& event = events_[number];
        if (!event::matches(filter, event.view())) continue;
        if (query.answer.size() < wanted) {
            query.answer.push_back(number);
        } else if (event.created_at() == events_[query.answer.back()].created_at()) {
            query.ties.push_back(number);
        } else {
            break;
        }
    }
    return query;
}

std::vector<Query> Mixes::pages(std::size_t limit) {
    const auto authors = frequent(0, 1, limit * 4);
    std::vector<Query> queries;
    if (authors.empty()) return queries;
    std::string until;
    for (;;) {
        Query page = answered(fmt::format(R"({{"authors":["{}"],"kinds":[1],"limit":{}{}}})",
                                          authors[0], limit, until),
                              limit);
        page.page = queries.size();
        const bool is_last = page.answer.size() < limit;
        if (!is_last) {
            until = fmt::format(R"(,"until":{})", events_[page.answer.back()].created_at());
        }
        queries.push_back(std::move(page));
        if (is_last) return queries;
    }
}

std::vector<Query> Mixes::make(std::string_view mix, std::size_t count, std::size_t limit) {
    std::vector<Query> queries;
    if (mix == "paginate") {
        queries = pages(limit);
    } else {
        for (std::string& filter : filters(mix, count, limit)) {
            queries.push_back(answered(std::move(filter), limit));
        }
    }
    if (queries.empty()) {
        throw std::runtime_error(
            fmt::format("the corpus is too small for {} with limit {}: take more events or fewer "
                        "authors (gen --events, --authors)",
                        mix, limit));
    }
    return queries;
}

}  // namespace parrhesia::bench
