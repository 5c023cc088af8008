// The embedded store on the disk of the working directory, through its public interface: queries of
// 100,000 events, then durable batches on top of them.
#include "parrhesia/base/bytes.hpp"

#include "app/corpus_random.hpp"
#include "micro/samples.hpp"
#include "stores.hpp"
#include "unsigned_events.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace parrhesia::bench {
namespace {

constexpr std::size_t kStored = 100'000;
constexpr std::size_t kRecent = 16'000;
constexpr std::size_t kBatch = 1000;
constexpr std::size_t kFilters = 64;  // different ones, asked in turn

enum class Where { indexes, recent };  // where the events of a store stand

// Made once, for all benchmarks that ask it.
class FilledStore {
  public:
    explicit FilledStore(Where where)
        : store(where == Where::indexes ? open_new_store(folder_.path())
                                        : open_new_unindexed_store(folder_.path())),
          events_(corpus_events(where == Where::indexes ? kStored : kRecent)) {
        for (std::size_t at = 0; at < events_.size(); at += kBatch) {
            const auto batch = std::span(events_).subspan(at, kBatch);
            for (const store::PutResult& result : store->put(batch)) {
                if (result.status == store::PutStatus::failed) {
                    throw std::runtime_error("put: " + result.error.message());
                }
            }
        }
        while (where == Where::indexes && store->stats().unindexed_events != 0) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        std::map<event::PubKey, std::size_t> notes;
        for (const event::EventPtr& event : events_) {
            if (event->kind() == 1) ++notes[event->pubkey()];
        }
        for (const auto& [author, count] : notes) {
            authors_.push_back(author);
            if (count >= 100) busy_authors_.push_back(author);
        }
        if (busy_authors_.empty() && where == Where::indexes) {
            throw std::runtime_error("no author has 100 notes");
        }
    }

    [[nodiscard]] std::vector<event::Filter> author_kind100() const {
        std::vector<event::Filter> filters;
        for (std::size_t i = 0; i < kFilters; ++i) {
            const event::PubKey& author = busy_authors_[i % busy_authors_.size()];
            filters.push_back(filter_of(fmt::format(
                R"({{"authors":["{}"],"kinds":[1],"limit":100}})", base::to_hex(author))));
        }
        return filters;
    }
    [[nodiscard]] std::vector<event::Filter> ids20() const {
        app::CorpusRandom random(5);
        std::vector<event::Filter> filters(kFilters);
        for (event::Filter& filter : filters) {
            while (filter.ids.size() < 20) {
                const event::Event& event = *events_[random.below(events_.size())];
                // Of other kinds the store keeps the newest version only.
                const bool is_kept = event::class_of(event.kind()) == event::KindClass::regular;
                if (is_kept) filter.ids.push_back(event.id());
                filter.normalize();
            }
        }
        return filters;
    }
    [[nodiscard]] std::vector<event::Filter> timeline200() const {
        app::CorpusRandom random(6);
        std::vector<event::Filter> filters(kFilters);
        for (event::Filter& filter : filters) {
            while (filter.authors.size() < 200) {
                filter.authors.push_back(authors_[random.below(authors_.size())]);
                filter.normalize();
            }
            filter.kinds = {1};
            filter.limit = 100;
        }
        return filters;
    }

  private:
    TemporaryFolder folder_;

  public:
    const std::unique_ptr<store::EventStore> store;

  private:
    const std::vector<event::EventPtr> events_;
    std::vector<event::PubKey> authors_;
    std::vector<event::PubKey> busy_authors_;
};

FilledStore& filled() {
    static FilledStore made(Where::indexes);
    return made;
}
FilledStore& recent() {
    static FilledStore made(Where::recent);
    return made;
}

// Time is for one query; items are events of answers.
void query(benchmark::State& state, FilledStore& filled_store,
           const std::vector<event::Filter>& filters, std::size_t expected) {
    store::EventStore& store = *filled_store.store;
    store::ScanPage page;
    std::size_t next = 0;
    for (auto _ : state) {
        const std::unique_ptr<store::Scan> scan = store.scan({filters[next]});
        std::size_t rows = 0;
        do {
            if (const auto error = scan->next({}, page)) {
                return state.SkipWithError(error.message().c_str());
            }
            rows += page.rows.size();
        } while (!page.done);
        if (rows != expected) return state.SkipWithError("not as many results as are stored");
        next = (next + 1) % filters.size();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(expected));
}

void query_author_kind100(benchmark::State& state) {
    query(state, filled(), filled().author_kind100(), 100);
}
BENCHMARK(query_author_kind100)->Name("store_query/author_kind100");

void query_ids20(benchmark::State& state) { query(state, filled(), filled().ids20(), 20); }
BENCHMARK(query_ids20)->Name("store_query/ids20");

void query_timeline200(benchmark::State& state) {
    query(state, filled(), filled().timeline200(), 100);
}
BENCHMARK(query_timeline200)->Name("store_query/timeline200");

// The same of events that are in the journal only: what a query costs more under heavy ingest.
void query_recent_ids20(benchmark::State& state) { query(state, recent(), recent().ids20(), 20); }
BENCHMARK(query_recent_ids20)->Name("store_query_recent/ids20");

void query_recent_timeline200(benchmark::State& state) {
    query(state, recent(), recent().timeline200(), 100);
}
BENCHMARK(query_recent_timeline200)->Name("store_query_recent/timeline200");

// Time is for one batch, up to its durable commit; items are events. Wall time holds the disk's
// part, CPU time does not.
void store_put(benchmark::State& state) {
    store::EventStore& store = *filled().store;
    static const UnsignedEvents events(2);
    static std::uint64_t number = 0;
    std::vector<event::EventPtr> batch(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        state.PauseTiming();
        for (event::EventPtr& event : batch) event = events.make(number++);
        state.ResumeTiming();
        for (const store::PutResult& result : store.put(batch)) {
            if (result.status != store::PutStatus::stored) {
                return state.SkipWithError("an event was not stored");
            }
        }
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(store_put)->ArgName("batch")->RangeMultiplier(10)->Range(1, 1000)->UseRealTime();

}  // namespace
}  // namespace parrhesia::bench
