#include "app/corpus.hpp"

#include "parrhesia/event/parse.hpp"
#include "parrhesia/event/verify.hpp"
#include "parrhesia/policy/limits.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace parrhesia::app {
namespace {

std::string text_of(const std::vector<event::EventPtr>& events) {
    std::string text;
    for (const auto& event : events) text += std::string(event->json()) + "\n";
    return text;
}

TEST(CorpusTest, SameSeedGivesTheSameBytesWithAnyNumberOfThreads) {
    Corpus one(7, 20, 1);
    Corpus three(7, 20, 3);

    EXPECT_EQ(text_of(one.chunk()), text_of(three.chunk()));
    EXPECT_EQ(text_of(one.chunk()), text_of(three.chunk()));
}

TEST(CorpusTest, OtherSeedGivesOtherEvents) {
    EXPECT_NE(Corpus(1, 20, 1).chunk()[0]->id(), Corpus(2, 20, 1).chunk()[0]->id());
}

// Guards the promise across machines and versions: whoever changes the corpus changes this on
// purpose.
TEST(CorpusTest, EventsOfSeedOneAreKnown) {
    const event::EventPtr last = Corpus(1, 200, 1).chunk().back();

    EXPECT_EQ(base::to_hex(last->id()),
              "70eea10c8c7ba5e5275023aac54a3a1ac56f17f375320bc339b7c6aab5fa6aee");
}

TEST(CorpusTest, EveryEventIsOneThatARelayTakes) {
    Corpus corpus(3, 50, 2);
    event::JsonReader json;
    std::set<event::Id> ids;
    for (int chunk = 0; chunk < 2; ++chunk) {
        for (const event::EventPtr& event : corpus.chunk()) {
            const auto parsed = json.event(event->json());
            ASSERT_TRUE(parsed.has_value()) << event->json();
            EXPECT_EQ((*parsed)->json(), event->json());
            EXPECT_TRUE(event::verify_signature(**parsed));
            EXPECT_FALSE(policy::check_event(**parsed, {}, event->created_at()));
            EXPECT_FALSE(event::is_ephemeral(event->kind()));
            ids.insert(event->id());
        }
    }
    EXPECT_GE(ids.size(), 2 * Corpus::kChunkEvents - 5) << "hardly any event twice";
}

TEST(CorpusTest, HoldsEveryKindOfThePublicNetwork) {
    Corpus corpus(4, 50, 2);
    std::map<event::Kind, std::size_t> kinds;
    for (int chunk = 0; chunk < 4; ++chunk) {
        for (const event::EventPtr& event : corpus.chunk()) ++kinds[event->kind()];
    }
    for (const event::Kind kind :
         std::initializer_list<event::Kind>{0, 1, 3, 6, 7, 445, 1059, 9735, 10002, 30023}) {
        EXPECT_GT(kinds[kind], 0U) << kind;
    }
    EXPECT_GT(kinds[1], kinds[7]);
}

TEST(CorpusTest, ZapReceiptCarriesItsSignedRequest) {
    Corpus corpus(5, 50, 2);
    std::size_t receipts = 0;
    for (int chunk = 0; chunk < 3; ++chunk) {
        for (const event::EventPtr& event : corpus.chunk()) {
            if (event->kind() != 9735) continue;
            ++receipts;
            EXPECT_NE(event->json().find("[\"description\",\"{\\\"id\\\":"), std::string::npos);
        }
    }
    EXPECT_GT(receipts, 0U);
}

}  // namespace
}  // namespace parrhesia::app
