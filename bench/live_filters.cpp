#include "live_filters.hpp"

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/event/filter.hpp"
#include "parrhesia/event/parse.hpp"

#include "app/corpus_random.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace parrhesia::bench {
namespace {

std::vector<std::string> filters_by(const EventTable& events, std::string_view by,
                                    std::size_t count, std::size_t authors_per_filter) {
    app::CorpusRandom random(7);
    std::vector<std::string> authors;
    std::set<std::string> tags;
    for (std::size_t i = 0; i < events.size(); ++i) {
        authors.push_back(base::to_hex(events[i].pubkey()));
        for (const event::IndexedTag& tag : events[i].view().tags()) {
            if (tag.name == 'p') tags.insert(std::string(tag.value));
        }
    }
    std::sort(authors.begin(), authors.end());
    authors.erase(std::unique(authors.begin(), authors.end()), authors.end());
    const std::vector<std::string> people(tags.begin(), tags.end());
    constexpr std::array<int, 5> kKinds = {1, 6, 7, 9735, 445};

    std::vector<std::string> filters;
    for (std::size_t s = 0; s < count; ++s) {
        if (by == "everything") {
            filters.emplace_back(R"({"limit":0})");
        } else if (by == "kinds") {
            filters.push_back(
                fmt::format(R"({{"kinds":[{}],"limit":0}})", kKinds[s % kKinds.size()]));
        } else if (by == "tags") {
            filters.push_back(
                fmt::format(R"({{"#p":["{}"],"limit":0}})", people[random.below(people.size())]));
        } else if (by == "authors") {
            std::string list;
            for (std::size_t i = 0; i < authors_per_filter; ++i) {
                list += fmt::format("{}\"{}\"", i == 0 ? "" : ",",
                                    authors[random.below(authors.size())]);
            }
            filters.push_back(fmt::format(R"({{"authors":[{}],"limit":0}})", list));
        } else {
            throw std::runtime_error(
                fmt::format("--by {}: expected everything, authors, kinds or tags", by));
        }
    }
    return filters;
}

std::vector<bool> matching(const event::Filter& filter, const EventTable& events) {
    std::vector<bool> bits(events.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
        bits[i] = is_for_all(events[i]) && event::matches(filter, events[i].view());
    }
    return bits;
}

}  // namespace

std::vector<LiveFilter> make_live_filters(const EventTable& events, std::string_view by,
                                          std::size_t count, std::size_t authors_per_filter) {
    std::unordered_map<std::string, std::shared_ptr<const std::vector<bool>>> known;
    event::JsonReader reader;
    std::vector<LiveFilter> filters;
    for (std::string& json : filters_by(events, by, count, authors_per_filter)) {
        std::shared_ptr<const std::vector<bool>>& wanted = known[json];
        if (!wanted) {
            const event::Filter filter = reader.filter(json).value();
            wanted = std::make_shared<const std::vector<bool>>(matching(filter, events));
        }
        filters.push_back({std::move(json), wanted});
    }
    return filters;
}

}  // namespace parrhesia::bench
