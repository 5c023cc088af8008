// A filter held against one event: what every stored result and every live delivery passes.
#include "parrhesia/base/bytes.hpp"

#include "app/corpus_random.hpp"
#include "micro/samples.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>

namespace parrhesia::bench {
namespace {

// `count` random keys or ids, the last of them `own` if there is one.
std::string hex_list(std::size_t count, const std::string& own = {}) {
    app::CorpusRandom random(11);
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
        const bool is_own = i + 1 == count && !own.empty();
        list += fmt::format("{}\"{}\"", i == 0 ? "" : ",", is_own ? own : random.hex(64));
    }
    return list;
}

void match(benchmark::State& state, const event::EventPtr& event, const std::string& json,
           bool expected) {
    const event::Filter filter = filter_of(json);
    const event::EventView view = event->view();
    if (event::matches(filter, view) != expected) return state.SkipWithError("matched wrongly");
    for (auto _ : state) {
        bool result = event::matches(filter, view);
        benchmark::DoNotOptimize(result);
    }
    state.SetItemsProcessed(state.iterations());
}

std::string first_value(const event::EventPtr& event, char name) {
    for (const event::IndexedTag& tag : event->view().tags()) {
        if (tag.name == name) return std::string(tag.value);
    }
    return {};
}

void match_everything(benchmark::State& state) { match(state, samples().note, "{}", true); }
BENCHMARK(match_everything)->Name("match/everything");

void match_kind_miss(benchmark::State& state) {
    match(state, samples().note, R"({"kinds":[7,9735]})", false);
}
BENCHMARK(match_kind_miss)->Name("match/kind_miss");

void match_author_kind(benchmark::State& state) {
    const std::string author = base::to_hex(samples().note->pubkey());
    match(state, samples().note, fmt::format(R"({{"authors":["{}"],"kinds":[1]}})", author), true);
}
BENCHMARK(match_author_kind)->Name("match/author_kind_hit");

void match_200_authors(benchmark::State& state, bool hit) {
    const std::string own = hit ? base::to_hex(samples().note->pubkey()) : "";
    const std::string filter =
        fmt::format(R"({{"authors":[{}],"kinds":[1,6]}})", hex_list(200, own));
    match(state, samples().note, filter, hit);
}
BENCHMARK_CAPTURE(match_200_authors, hit, true)->Name("match/timeline200_hit");
BENCHMARK_CAPTURE(match_200_authors, miss, false)->Name("match/timeline200_miss");

void match_20_ids(benchmark::State& state) {
    match(state, samples().note, fmt::format(R"({{"ids":[{}]}})", hex_list(20)), false);
}
BENCHMARK(match_20_ids)->Name("match/ids20_miss");

void match_reply(benchmark::State& state) {
    const std::string filter =
        fmt::format(R"({{"#e":["{}"],"kinds":[1]}})", first_value(samples().note, 'e'));
    match(state, samples().note, filter, true);
}
BENCHMARK(match_reply)->Name("match/replies_e_hit");

// All 500 tags have to be looked at.
void match_contacts(benchmark::State& state) {
    match(state, samples().contacts, fmt::format(R"({{"#p":[{}]}})", hex_list(1)), false);
}
BENCHMARK(match_contacts)->Name("match/contacts_500_p_miss");

}  // namespace
}  // namespace parrhesia::bench
