// An event on its way in: parse, id, verify; and out: serialize, frame.
#include "parrhesia/event/parse.hpp"
#include "parrhesia/event/verify.hpp"
#include "parrhesia/protocol/reply.hpp"

#include "event/record.hpp"
#include "micro/samples.hpp"
#include "net/frame.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <string>
#include <vector>

namespace parrhesia::bench {
namespace {

using Sample = event::EventPtr Samples::*;

// A socket's buffer, about: it is sent and reused, not grown for ever.
constexpr std::size_t kBufferBytes = 64U << 10U;

void count_bytes(benchmark::State& state, std::size_t bytes) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

// From the client's text to the record, the id checked, the signature not.
void parse(benchmark::State& state, Sample sample) {
    const std::string json((samples().*sample)->json());
    event::JsonReader reader;
    for (auto _ : state) {
        auto event = reader.event(json);
        if (!event) state.SkipWithError("the sample is refused");
        benchmark::DoNotOptimize(event);
    }
    count_bytes(state, json.size());
}
BENCHMARK_CAPTURE(parse, note, &Samples::note);
BENCHMARK_CAPTURE(parse, contacts_500, &Samples::contacts);
BENCHMARK_CAPTURE(parse, article, &Samples::article);

// SHA-256 of the canonical form.
void id(benchmark::State& state, Sample sample) {
    const event::Event& event = *(samples().*sample);
    event::JsonReader reader;
    const auto document = reader.document(event.json()).value();
    event::record::Builder& builder = event::record::Builder::of_this_thread();
    event::record::Head head;
    head.pubkey = event.pubkey();
    head.created_at = event.created_at();
    head.kind = event.kind();
    builder.start(head);
    for (const auto tag : document["tags"].get_array()) {
        builder.begin_tag();
        for (const auto value : tag.get_array()) builder.add_value(value.get_string().value());
        builder.end_tag();
    }
    builder.set_content(document["content"].get_string().value());
    if (builder.id() != event.id()) return state.SkipWithError("another id than the event's");
    for (auto _ : state) {
        event::Id made = builder.id();
        benchmark::DoNotOptimize(made);
    }
    count_bytes(state, event.json().size());
}
BENCHMARK_CAPTURE(id, note, &Samples::note);
BENCHMARK_CAPTURE(id, contacts_500, &Samples::contacts);
BENCHMARK_CAPTURE(id, article, &Samples::article);

void verify_all(benchmark::State& state, const std::vector<event::EventPtr>& events) {
    std::size_t next = 0;
    for (auto _ : state) {
        if (!event::verify_signature(*events[next])) state.SkipWithError("a signature is refused");
        next = next + 1 == events.size() ? 0 : next + 1;
    }
    state.SetItemsProcessed(state.iterations());
}

// Authors that come round again only after more others than any cache of keys remembers.
void verify_cold_key(benchmark::State& state) {
    constexpr std::size_t kAuthors = 32768;
    static const std::vector<event::EventPtr> events = [] {
        std::vector<event::EventPtr> made;
        event::EventDraft draft;
        draft.created_at = 1'700'000'000;
        for (std::size_t i = 0; i < kAuthors; ++i) {
            const auto author = event::Keypair::from_seed(fmt::format("author {}", i));
            made.push_back(event::sign_event(author, draft));
        }
        return made;
    }();
    verify_all(state, events);
}
BENCHMARK(verify_cold_key)->Name("verify/cold_key");

void verify_cached_key(benchmark::State& state) {
    static const std::vector<event::EventPtr> events = [] {
        std::vector<event::EventPtr> made;
        const auto author = event::Keypair::from_seed("author");
        event::EventDraft draft;
        for (draft.created_at = 1; draft.created_at <= 64; ++draft.created_at) {
            made.push_back(event::sign_event(author, draft));
        }
        return made;
    }();
    verify_all(state, events);
}
BENCHMARK(verify_cached_key)->Name("verify/cached_key");

// The text of the EVENT message for one subscription.
void serialize(benchmark::State& state, Sample sample) {
    const event::Event& event = *(samples().*sample);
    const std::string subscription = protocol::escape_subscription_id("timeline:home");
    std::string out;
    for (auto _ : state) {
        out.clear();
        protocol::append_event_head(out, subscription);
        out += event.json();
        out += protocol::kEventTail;
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
    count_bytes(state, out.size());
}
BENCHMARK_CAPTURE(serialize, note, &Samples::note);
BENCHMARK_CAPTURE(serialize, contacts_500, &Samples::contacts);
BENCHMARK_CAPTURE(serialize, article, &Samples::article);

// The same as one frame in a connection's buffer, which is what a delivery does.
template <class Append>
void write_frames(benchmark::State& state, Sample sample, Append append) {
    const event::Event& event = *(samples().*sample);
    std::string head;
    protocol::append_event_head(head, protocol::escape_subscription_id("timeline:home"));
    std::string out;
    out.reserve(kBufferBytes);
    for (auto _ : state) {
        append(out, {head, event.json(), protocol::kEventTail});
        benchmark::ClobberMemory();
        if (out.size() > kBufferBytes / 2) out.clear();
    }
    count_bytes(state, head.size() + event.json().size() + protocol::kEventTail.size());
}

using Pieces = std::initializer_list<std::string_view>;

void frame_write(benchmark::State& state, Sample sample) {
    write_frames(state, sample,
                 [](std::string& out, Pieces pieces) { net::append_text_frame(out, pieces); });
}
BENCHMARK_CAPTURE(frame_write, note, &Samples::note);
BENCHMARK_CAPTURE(frame_write, contacts_500, &Samples::contacts);
BENCHMARK_CAPTURE(frame_write, article, &Samples::article);

void frame_write_deflated(benchmark::State& state, Sample sample) {
    net::MessageDeflater deflater;
    write_frames(state, sample, [&deflater](std::string& out, Pieces pieces) {
        deflater.append_text_frame(out, pieces);
    });
}
BENCHMARK_CAPTURE(frame_write_deflated, note, &Samples::note);

}  // namespace
}  // namespace parrhesia::bench
