#include "micro/samples.hpp"

#include "parrhesia/event/parse.hpp"
#include "parrhesia/event/verify.hpp"

#include "app/corpus.hpp"
#include "app/corpus_random.hpp"

#include <stdexcept>

namespace parrhesia::bench {
namespace {

constexpr std::size_t kContacts = 500;

bool has_tags(const event::Event& event, std::string_view names) {
    for (const char name : names) {
        bool found = false;
        for (const event::IndexedTag& tag : event.view().tags()) found |= tag.name == name;
        if (!found) return false;
    }
    return true;
}

Samples make_samples() {
    Samples made;
    for (const event::EventPtr& event : corpus_events(4000)) {
        if (event->kind() == 1 && !made.note && has_tags(*event, "ept")) made.note = event;
        const bool is_longer = !made.article || event->json().size() > made.article->json().size();
        if (event->kind() == 30023 && is_longer) made.article = event;
    }
    if (!made.note || !made.article) throw std::runtime_error("the corpus has no such events");
    app::CorpusRandom random(3);
    event::EventDraft draft;
    draft.kind = 3;
    draft.created_at = made.note->created_at();
    for (std::size_t i = 0; i < kContacts; ++i) draft.tags.push_back({"p", random.hex(64)});
    made.contacts = event::sign_event(event::Keypair::from_seed("contacts"), draft);
    return made;
}

}  // namespace

const Samples& samples() {
    static const Samples made = make_samples();
    return made;
}

std::vector<event::EventPtr> corpus_events(std::size_t count) {
    app::Corpus corpus(1, 1000, 2);
    std::vector<event::EventPtr> events;
    while (events.size() < count) {
        const std::vector<event::EventPtr> chunk = corpus.chunk();
        events.insert(events.end(), chunk.begin(), chunk.end());
    }
    events.resize(count);
    return events;
}

event::Filter filter_of(std::string_view json) {
    event::JsonReader reader;
    auto filter = reader.filter(json);
    if (!filter) throw std::runtime_error(filter.error().text);
    return std::move(*filter);
}

}  // namespace parrhesia::bench
