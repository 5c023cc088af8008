#include "app/corpus.hpp"

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <utility>

namespace parrhesia::app {
namespace {

constexpr std::int64_t kFirstCreatedAt = 1'735'689'600;  // 2025-01-01
constexpr std::size_t kOneTimeKeys = 64;
constexpr std::size_t kRecentNotes = 4096;
constexpr std::size_t kGroups = 40;
constexpr std::size_t kPeoplePerAuthor = 10;
constexpr std::string_view kRelays[] = {"wss://relay.one.example", "wss://relay.two.example",
                                        "wss://nostr.example.com", "wss://inbox.example.org/"};

std::string hex_of(const event::EventPtr& event) { return base::to_hex(event->id()); }
std::string author_of(const event::EventPtr& event) { return base::to_hex(event->pubkey()); }

std::vector<event::Keypair> keys_of(const std::string& name, std::size_t count) {
    std::vector<event::Keypair> keys;
    keys.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        keys.push_back(event::Keypair::from_seed(fmt::format("{}/{}", name, i)));
    }
    return keys;
}

}  // namespace

Corpus::Corpus(std::uint64_t seed, std::size_t authors, unsigned threads)
    : seed_(seed),
      threads_(std::max(1U, threads)),
      random_(seed),
      authors_(keys_of(fmt::format("parrhesia-corpus/{}/author", seed), authors)),
      one_time_keys_(keys_of(fmt::format("parrhesia-corpus/{}/once", seed), kOneTimeKeys)),
      now_(kFirstCreatedAt) {}

std::vector<event::EventPtr> Corpus::chunk() {
    std::vector<Plan> plans;
    plans.reserve(kChunkEvents);
    for (std::size_t i = 0; i < kChunkEvents; ++i) plans.push_back(plan());

    std::vector<event::EventPtr> events(plans.size());
    const std::size_t share = (plans.size() + threads_ - 1) / threads_;
    std::vector<std::future<void>> shares;
    for (std::size_t first = 0; first < plans.size(); first += share) {
        const std::size_t last = std::min(first + share, plans.size());
        shares.push_back(std::async(std::launch::async, [&plans, &events, first, last] {
            for (std::size_t i = first; i < last; ++i) events[i] = sign(plans[i]);
        }));
    }
    for (std::future<void>& part : shares) part.get();
    for (const event::EventPtr& event : events) remember(event);
    return events;
}

Corpus::Plan Corpus::plan() {
    // Before there are notes, nothing can react to one.
    const std::size_t dice = recent_notes_.empty() ? random_.below(45) : random_.below(100);
    if (dice < 42) return plan_note();
    if (dice < 45) return plan_profile();
    if (dice < 69) return plan_reaction();
    if (dice < 74) return plan_repost();
    if (dice < 81) return plan_zap();
    if (dice < 84) return plan_contacts();
    if (dice < 87) return plan_relay_list();
    if (dice < 89) return plan_article();
    return plan_wrapped(dice < 95 ? event::Kind{1059} : event::Kind{445});
}

Corpus::Plan Corpus::begin(event::Kind kind) {
    now_ += static_cast<std::int64_t>(random_.below(5));
    Plan plan;
    plan.author = &authors_[random_.skewed(authors_.size())];
    plan.draft.kind = kind;
    plan.draft.created_at = now_ - static_cast<std::int64_t>(random_.skewed(60));
    return plan;
}

std::string Corpus::person() {
    const std::size_t index = random_.skewed(authors_.size() * kPeoplePerAuthor);
    if (index < authors_.size()) return base::to_hex(authors_[index].pubkey());
    // Somebody who does not write here; always the same pubkey for the same index.
    return CorpusRandom(seed_ ^ (0x5eed0000ULL + index)).hex(64);
}

const event::EventPtr& Corpus::recent_note() {
    // Mostly one of the newest.
    const std::size_t age = random_.skewed(recent_notes_.size());
    const std::size_t newest = oldest_note_ + recent_notes_.size() - 1;
    return recent_notes_[(newest - age) % recent_notes_.size()];
}

void Corpus::remember(const event::EventPtr& event) {
    if (event->kind() != 1) return;
    if (recent_notes_.size() < kRecentNotes) {
        recent_notes_.push_back(event);
    } else {
        recent_notes_[oldest_note_] = event;
        oldest_note_ = (oldest_note_ + 1) % kRecentNotes;
    }
}

Corpus::Plan Corpus::plan_note() {
    Plan plan = begin(1);
    const std::size_t sentence = random_.between(3, 20);
    plan.draft.content = random_.prose(sentence * random_.between(1, 4));
    Tags& tags = plan.draft.tags;
    if (!recent_notes_.empty() && random_.percent(55)) {
        const event::EventPtr& root = recent_note();
        tags.push_back({"e", hex_of(root), "wss://relay.one.example", "root"});
        if (random_.percent(50)) tags.push_back({"e", hex_of(recent_note()), "", "reply"});
        tags.push_back({"p", author_of(root)});
    }
    for (std::size_t i = random_.skewed(6); i > 0; --i) tags.push_back({"p", person()});
    for (std::size_t i = random_.skewed(5); i > 0; --i) tags.push_back({"t", random_.word()});
    if (random_.percent(20)) tags.push_back({"client", "example"});
    return plan;
}

Corpus::Plan Corpus::plan_reaction() {
    Plan plan = begin(7);
    const event::EventPtr& note = recent_note();
    plan.draft.content = random_.percent(70) ? "+" : "🤙";
    plan.draft.tags = {{"e", hex_of(note)}, {"p", author_of(note)}, {"k", "1"}};
    return plan;
}

Corpus::Plan Corpus::plan_repost() {
    Plan plan = begin(6);
    const event::EventPtr& note = recent_note();
    plan.draft.content = std::string(note->json());
    plan.draft.tags = {{"e", hex_of(note), "wss://relay.two.example"}, {"p", author_of(note)}};
    return plan;
}

Corpus::Plan Corpus::plan_zap() {
    const event::EventPtr& note = recent_note();
    const std::string amount = std::to_string(random_.between(1, 100) * 21000);
    Plan request = begin(9734);
    Plan plan = begin(9735);  // by a wallet's server
    plan.author = &authors_[random_.below(std::min<std::size_t>(authors_.size(), 5))];
    plan.zapper = request.author;
    plan.zap_request = std::move(request.draft);
    plan.zap_request.content = random_.percent(30) ? random_.prose(4) : "";
    plan.zap_request.tags = {{"relays", std::string(kRelays[0]), std::string(kRelays[1])},
                             {"amount", amount},
                             {"p", author_of(note)},
                             {"e", hex_of(note)}};
    plan.draft.tags = {{"p", author_of(note)},
                       {"P", base::to_hex(plan.zapper->pubkey())},
                       {"e", hex_of(note)},
                       {"bolt11", "lnbc" + random_.hex(240)},
                       {"preimage", random_.hex(64)}};
    return plan;
}

Corpus::Plan Corpus::plan_profile() {
    Plan plan = begin(0);
    std::string name = random_.word();
    name += random_.hex(4);
    std::string& content = plan.draft.content;
    content = "{\"name\":";
    base::append_json_string(content, name);
    content += ",\"about\":";
    base::append_json_string(content, random_.prose(random_.between(3, 25)));
    content += fmt::format(",\"picture\":\"https://example.com/{}.png\"", random_.hex(16));
    content += fmt::format(",\"lud16\":\"{}@example.com\"}}", random_.hex(8));
    return plan;
}

Corpus::Plan Corpus::plan_contacts() {
    Plan plan = begin(3);
    const std::size_t circle = random_.between(20, 200);
    const std::size_t count = circle * random_.between(1, 4);
    for (std::size_t i = 0; i < count; ++i) plan.draft.tags.push_back({"p", person()});
    return plan;
}

Corpus::Plan Corpus::plan_relay_list() {
    Plan plan = begin(10002);
    for (const std::string_view relay : kRelays) {
        if (random_.percent(60)) plan.draft.tags.push_back({"r", std::string(relay)});
    }
    if (random_.percent(50)) plan.draft.tags.push_back({"r", "wss://write.example", "write"});
    return plan;
}

Corpus::Plan Corpus::plan_article() {
    Plan plan = begin(30023);
    plan.draft.content = "# " + random_.prose(5) + "\n\n";
    plan.draft.content += random_.prose(random_.between(150, 900));
    const std::string topic = random_.word();
    plan.draft.tags = {{"d", fmt::format("{}-{}", topic, random_.below(50))},
                       {"title", random_.prose(5)},
                       {"published_at", std::to_string(plan.draft.created_at)}};
    for (std::size_t i = random_.below(5); i > 0; --i) {
        plan.draft.tags.push_back({"t", random_.word()});
    }
    return plan;
}

Corpus::Plan Corpus::plan_wrapped(event::Kind kind) {
    Plan plan = begin(kind);
    plan.author = &one_time_keys_[random_.below(one_time_keys_.size())];
    plan.draft.content = random_.base64(4 * random_.between(50, 500));
    if (kind == 445) {
        const std::size_t group = random_.skewed(kGroups);
        plan.draft.tags = {{"h", CorpusRandom(seed_ ^ (0x6e000000ULL + group)).hex(64)}};
    } else {
        plan.draft.tags = {{"p", person()}};
    }
    return plan;
}

event::EventPtr Corpus::sign(Plan& plan) {
    if (plan.zapper != nullptr) {
        const event::EventPtr request = event::sign_event(*plan.zapper, plan.zap_request);
        plan.draft.tags.push_back({"description", std::string(request->json())});
    }
    return event::sign_event(*plan.author, plan.draft);
}

}  // namespace parrhesia::app
