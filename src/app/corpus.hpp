// A deterministic corpus of signed events, for trying the relay and for benchmarks.
#pragma once

#include "parrhesia/event/event.hpp"
#include "parrhesia/event/verify.hpp"

#include "app/corpus_random.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace parrhesia::app {

// The same seed and number of authors give the same events on every machine. The mix follows what
// public relays hold: notes with e, p and t tags in threads, reactions, reposts, zap receipts that
// carry their request, profiles, contact lists of hundreds, relay lists, long-form articles, gift
// wraps and group messages.
//
// Threading: one thread; signs on several of its own.
class Corpus {
  public:
    // Events of one chunk() refer only to those of chunks before it, so they can be signed at once.
    static constexpr std::size_t kChunkEvents = 500;

    Corpus(std::uint64_t seed, std::size_t authors, unsigned threads);

    // The next kChunkEvents events, their created_at rising (with some jitter) from 2025-01-01.
    [[nodiscard]] std::vector<event::EventPtr> chunk();

  private:
    struct Plan {
        const event::Keypair* author = nullptr;
        event::EventDraft draft;
        // Of a zap receipt: who asked for it, signed into its description tag.
        const event::Keypair* zapper = nullptr;
        event::EventDraft zap_request;
    };
    using Tags = std::vector<std::vector<std::string>>;

    [[nodiscard]] Plan plan();
    [[nodiscard]] Plan plan_note();
    [[nodiscard]] Plan plan_reaction();
    [[nodiscard]] Plan plan_repost();
    [[nodiscard]] Plan plan_zap();
    [[nodiscard]] Plan plan_profile();
    [[nodiscard]] Plan plan_contacts();
    [[nodiscard]] Plan plan_relay_list();
    [[nodiscard]] Plan plan_article();
    [[nodiscard]] Plan plan_wrapped(event::Kind kind);

    [[nodiscard]] Plan begin(event::Kind kind);  // by some author, at the next time
    [[nodiscard]] std::string person();          // a pubkey: of an author, or of somebody else
    [[nodiscard]] const event::EventPtr& recent_note();
    [[nodiscard]] static event::EventPtr sign(Plan& plan);
    void remember(const event::EventPtr& event);

    const std::uint64_t seed_;
    const unsigned threads_;
    CorpusRandom random_;
    std::vector<event::Keypair> authors_;
    std::vector<event::Keypair> one_time_keys_;  // of gift wraps and group messages
    std::int64_t now_;
    std::vector<event::EventPtr> recent_notes_;  // a ring
    std::size_t oldest_note_ = 0;
};

}  // namespace parrhesia::app
