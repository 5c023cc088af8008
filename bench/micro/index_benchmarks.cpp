// One event offered to an io thread's index of live subscriptions, each of 20 authors.
#include "parrhesia/event/verify.hpp"
#include "parrhesia/fanout/subscription_index.hpp"

#include "app/corpus_random.hpp"
#include "micro/samples.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <vector>

namespace parrhesia::bench {
namespace {

constexpr std::size_t kAuthorsEach = 20;
constexpr std::size_t kMatches = 10;
constexpr std::size_t kEvents = 64;  // few enough that what they touch stays in the caches

class Counter final : public fanout::Subscriber {
  public:
    void on_event(const fanout::Published& /*published*/) override { ++count; }
    std::uint64_t count = 0;
};

std::vector<fanout::Published> events_by(const std::vector<event::Keypair>& authors) {
    std::vector<fanout::Published> events;
    event::EventDraft draft;
    draft.created_at = 1'700'000'000;
    for (const event::Keypair& author : authors) {
        fanout::Published published;
        published.event = event::sign_event(author, draft);
        published.position.seq = events.size() + 1;
        events.push_back(std::move(published));
    }
    return events;
}

std::vector<event::Keypair> keys(std::string_view name) {
    std::vector<event::Keypair> made;
    for (std::size_t i = 0; i < kEvents; ++i) {
        made.push_back(event::Keypair::from_seed(fmt::format("{} {}", name, i)));
    }
    return made;
}

// Invariant: every author stands in exactly kMatches subscriptions, some of which write the
// `followed` events; nobody stands for the `unknown` ones.
class Crowd {
  public:
    explicit Crowd(std::size_t subscriptions) : subscribers_(subscriptions) {
        const std::vector<event::Keypair> known = keys("followed");
        followed = events_by(known);
        unknown = events_by(keys("unknown"));
        // In rounds through all authors, so that a subscription never has one twice.
        const std::size_t authors = subscriptions * kAuthorsEach / kMatches;
        for (std::size_t s = 0; s < subscriptions; ++s) {
            event::Filter filter;
            for (std::size_t i = 0; i < kAuthorsEach; ++i) {
                const std::size_t author = (s * kAuthorsEach + i) % authors;
                // Those who write are spread over all subscriptions.
                const bool writes = author % (authors / kEvents) == 0;
                const std::size_t writer = author / (authors / kEvents);
                filter.authors.push_back(writes && writer < kEvents ? known[writer].pubkey()
                                                                    : random_key(author));
            }
            filter.normalize();
            index.add(subscribers_[s],
                      std::make_shared<const std::vector<event::Filter>>(1, std::move(filter)));
        }
    }
    ~Crowd() {
        for (Counter& subscriber : subscribers_) index.remove(subscriber);
    }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    fanout::SubscriptionIndex index;
    std::vector<fanout::Published> followed;
    std::vector<fanout::Published> unknown;

  private:
    static event::PubKey random_key(std::size_t number) {
        app::CorpusRandom random(0xc0ffee00'00000000 ^ number);
        event::PubKey key;
        for (std::size_t at = 0; at < event::PubKey::kSize; at += sizeof(std::uint64_t)) {
            const std::uint64_t word = random.next();
            std::memcpy(key.data() + at, &word, sizeof word);
        }
        return key;
    }

    std::vector<Counter> subscribers_;
};

// One at a time: the largest takes more than a gigabyte.
Crowd& crowd_of(std::size_t subscriptions) {
    static std::unique_ptr<Crowd> crowd;
    static std::size_t size = 0;
    if (size != subscriptions) {
        crowd.reset();
        crowd = std::make_unique<Crowd>(subscriptions);
        size = subscriptions;
    }
    return *crowd;
}

void index_publish(benchmark::State& state) {
    Crowd& crowd = crowd_of(static_cast<std::size_t>(state.range(0)));
    const auto expected = static_cast<std::size_t>(state.range(1));
    const std::vector<fanout::Published>& events = expected == 0 ? crowd.unknown : crowd.followed;
    std::size_t next = 0;
    for (auto _ : state) {
        if (crowd.index.publish(events[next]) != expected) {
            state.SkipWithError("not the number of matches that was made");
        }
        next = next + 1 == events.size() ? 0 : next + 1;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(index_publish)
    ->ArgNames({"subscriptions", "matches"})
    ->Args({1'000, 0})
    ->Args({1'000, 10})
    ->Args({100'000, 0})
    ->Args({100'000, 10})
    ->Args({1'000'000, 0})
    ->Args({1'000'000, 10});

}  // namespace
}  // namespace parrhesia::bench
