// What the rate limits of an EVENT and the estimate of a REQ's cost add to each message.
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/policy/query_cost.hpp"
#include "parrhesia/policy/rates.hpp"

#include "micro/samples.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace parrhesia::bench {
namespace {

constexpr std::size_t kEvents = 4096;  // of some hundred authors

// Every bucket there is (IPv6, a kind group), none of them ever empty.
policy::Rates all_bounded() {
    const base::TokenRate plenty(base::TokenRate::kMost, base::TokenRate::kMost);
    policy::Rates rates;
    rates.event_connection = rates.event_ip = rates.event_network = rates.event_pubkey = plenty;
    rates.kind_groups.push_back(
        policy::parse_kind_group("all: kinds=0-65535 per_second=1000000000 burst=1000000000")
            .value());
    return rates;
}

void rates_of_an_event(benchmark::State& state) {
    static base::MetricsRegistry registry;
    static policy::RateLimiter limiter(all_bounded(), registry);
    const std::vector<event::EventPtr> events = corpus_events(kEvents);
    policy::ClientRates client(limiter, *base::parse_ip("2001:db8::1"), false,
                               std::chrono::steady_clock::now());
    std::size_t next = 0;
    std::size_t refused = 0;
    for (auto _ : state) {
        const auto now = std::chrono::steady_clock::now();
        const event::EventView view = events[next++ % kEvents]->view();
        if (client.event(now) || client.author(view, now)) ++refused;
    }
    if (refused != 0) return state.SkipWithError("refused what is allowed");
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(rates_of_an_event)->Name("rates/event_all_buckets");
// All threads share the buckets of one address.
BENCHMARK(rates_of_an_event)->Name("rates/event_all_buckets_2_threads")->Threads(2);

void clock_alone(benchmark::State& state) {
    for (auto _ : state) {
        auto now = std::chrono::steady_clock::now();
        benchmark::DoNotOptimize(now);
    }
}
BENCHMARK(clock_alone)->Name("rates/clock_alone");

void refused_event(benchmark::State& state) {
    base::MetricsRegistry registry;
    policy::Rates rates;
    rates.event_connection = base::TokenRate(1, 1);
    policy::RateLimiter limiter(rates, registry);
    const auto now = std::chrono::steady_clock::now();
    policy::ClientRates client(limiter, *base::parse_ip("192.0.2.1"), false, now);
    static_cast<void>(client.event(now));
    for (auto _ : state) {
        auto refusal = client.event(now);
        benchmark::DoNotOptimize(refusal);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(refused_event)->Name("rates/event_refused");

void connect_client(benchmark::State& state) {
    base::MetricsRegistry registry;
    policy::RateLimiter limiter(policy::Rates{}, registry);
    base::IpAddress address = *base::parse_ip("2001:db8::1");
    const auto now = std::chrono::steady_clock::now();
    std::uint32_t number = 0;
    for (auto _ : state) {
        ++number;
        for (unsigned i = 0; i < 4; ++i) {
            address.bytes[4 + i] = static_cast<std::uint8_t>(number >> (8 * i));
        }
        policy::ClientRates client(limiter, address, false, now);
        bool is_refused = client.event(now).has_value();
        benchmark::DoNotOptimize(is_refused);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(connect_client)->Name("rates/new_address");

void cost_of_a_timeline(benchmark::State& state) {
    std::vector<event::Filter> filters{filter_of(R"({"kinds":[1,6,7],"limit":500})")};
    filters.front().authors.resize(200);
    for (auto _ : state) {
        auto refusal = policy::check_cost(filters, 500, 250'000, 1'700'000'000);
        benchmark::DoNotOptimize(refusal);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(cost_of_a_timeline)->Name("rates/cost_of_a_filter");

}  // namespace
}  // namespace parrhesia::bench
