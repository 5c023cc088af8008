// The queries of `req`, and the answers that a corpus demands.
#pragma once

#include "app/corpus_random.hpp"
#include "event_table.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::bench {

// What a relay that was given all events of a table holds: the newest version of replaceable ones,
// no ephemeral ones; newest first, then by id, as NIP-01 orders answers.
[[nodiscard]] std::vector<EventTable::Number> stored_events(const EventTable& events);

struct Query {
    std::string filter;                      // JSON
    std::vector<EventTable::Number> answer;  // in order
    // Events that could stand for the last of `answer`, being as old as they are. Not every relay
    // breaks ties by id.
    std::vector<EventTable::Number> ties;
    std::size_t page = 0;  // of a pagination; queries stand in the order in which they are asked
};

// Names of the mixes, as the command line takes them.
[[nodiscard]] const std::vector<std::string>& mix_names();

// Different queries of one mix, `count` of them or as many as the corpus has; for "paginate" the
// pages of the author with the most notes, first to last.
// Errors: throws std::runtime_error when the corpus has nothing to ask for.
class Mixes {
  public:
    // The table outlives it.
    explicit Mixes(const EventTable& events);
    [[nodiscard]] std::vector<Query> make(std::string_view mix, std::size_t count,
                                          std::size_t limit);

  private:
    [[nodiscard]] std::vector<std::string> filters(std::string_view mix, std::size_t count,
                                                   std::size_t limit);
    [[nodiscard]] std::vector<Query> pages(std::size_t limit);
    [[nodiscard]] Query answered(std::string filter, std::size_t limit) const;
    // Values of a tag (or authors, for 0) of stored events of a kind, the most frequent first.
    [[nodiscard]] std::vector<std::string> frequent(char tag, event::Kind kind,
                                                    std::size_t at_least) const;

    const EventTable& events_;
    const std::vector<EventTable::Number> stored_;
    app::CorpusRandom random_{20250101};
};

}  // namespace parrhesia::bench
