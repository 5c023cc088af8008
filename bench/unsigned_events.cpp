#include "unsigned_events.hpp"

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/event/parse.hpp"

#include "app/corpus.hpp"
#include "app/corpus_random.hpp"
#include "event/record.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

namespace parrhesia::bench {
namespace {

constexpr std::size_t kAuthors = 100'000;
constexpr std::size_t kShapeChunks = 8;
constexpr std::uint64_t kIdStream = 0x1d00'0000'0000'0000;
constexpr std::uint64_t kAuthorStream = 0xa000'0000'0000'0000;

template <class Bytes>
Bytes random_bytes(app::CorpusRandom random) {
    Bytes result;
    for (std::size_t at = 0; at < Bytes::kSize; at += sizeof(std::uint64_t)) {
        const std::uint64_t word = random.next();
        std::memcpy(result.data() + at, &word, sizeof word);
    }
    return result;
}

}  // namespace

UnsignedEvents::UnsignedEvents(std::uint64_t seed) : seed_(seed) {
    app::Corpus corpus(seed, 1000, 2);
    event::JsonReader reader;
    for (std::size_t i = 0; i < kShapeChunks; ++i) {
        for (const event::EventPtr& event : corpus.chunk()) {
            if (event::class_of(event->kind()) != event::KindClass::regular) continue;
            const simdjson::dom::element document = reader.document(event->json()).value();
            Shape shape;
            shape.kind = event->kind();
            shape.content = std::string(document["content"].get_string().value());
            for (const auto tag : document["tags"].get_array()) {
                std::vector<std::string>& values = shape.tags.emplace_back();
                for (const auto value : tag.get_array()) {
                    values.emplace_back(value.get_string().value());
                }
            }
            shapes_.push_back(std::move(shape));
        }
    }
}

event::Id UnsignedEvents::id_of(std::uint64_t number) const {
    return random_bytes<event::Id>(app::CorpusRandom(seed_ ^ kIdStream ^ number));
}

event::EventPtr UnsignedEvents::make(std::uint64_t number) const {
    // The multiplier keeps neighbours from being the same sequence, shifted by one.
    app::CorpusRandom random(seed_ ^ (number * 0xd1342543de82ef95ULL));
    const Shape& shape = shapes_[random.below(shapes_.size())];
    const std::uint64_t author = random.skewed(kAuthors);

    event::record::Head head;
    head.pubkey = random_bytes<event::PubKey>(app::CorpusRandom(seed_ ^ kAuthorStream ^ author));
    head.created_at = kFirstTime + static_cast<std::int64_t>(number / kPerSecond);
    head.kind = shape.kind;

    event::record::Builder& builder = event::record::Builder::of_this_thread();
    builder.start(head);
    for (const std::vector<std::string>& tag : shape.tags) {
        const bool refers = tag.size() > 1 && tag[0] == "e" && number > 0;
        builder.begin_tag();
        for (std::size_t i = 0; i < tag.size(); ++i) {
            if (refers && i == 1) {
                const std::size_t age = random.skewed(std::min<std::uint64_t>(number, 100'000));
                builder.add_value(base::to_hex(id_of(number - 1 - age)));
            } else {
                builder.add_value(tag[i]);
            }
        }
        builder.end_tag();
    }
    builder.set_content(shape.content);
    return builder.finish(id_of(number), random_bytes<event::Signature>(random));
}

}  // namespace parrhesia::bench
