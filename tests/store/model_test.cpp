// Random histories of publishing, replacing, deleting, vanishing and expiring, with restarts and
// crashes in between, against an oracle that is written from the NIPs with nothing but loops.
#include "parrhesia/event/tags.hpp"
#include "parrhesia/event/visibility.hpp"
#include "parrhesia/store/embedded_store.hpp"
#include "parrhesia/store/lmdb_store.hpp"

#include "store/store_testing.hpp"
#include "support/manual_clock.hpp"
#include "support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

using event::Address;
using event::parse_address;
using event::PubKey;
using event::Tag;
using store::ScanOptions;

constexpr std::int64_t kStart = 1000;
constexpr const char* kOurUrl = "wss://relay.example";

class Unexpired final : public event::Visibility {
  public:
    explicit Unexpired(std::int64_t now) : now_(now) {}
    [[nodiscard]] bool shows(const event::EventView& event) const noexcept override {
        return !event::has_expired(event, now_);
    }

  private:
    const std::int64_t now_;
};

// --- the oracle ---

struct Gone {  // (id, who wanted it gone)
    event::Id id;
    PubKey by;
    friend bool operator==(const Gone&, const Gone&) = default;
};

class Oracle {
  public:
    PutStatus put(const EventPtr& event) {
        if (contains(event->id())) return PutStatus::duplicate;
        if (is_gone(event)) return PutStatus::deleted;
        if (const EventPtr version = version_at(event)) {
            if (comes_before(version, event)) return PutStatus::superseded;
            std::erase(events_, version);
        }
        events_.push_back(event);
        if (event->kind() == 5) remove_targets(event);
        if (event->kind() == 62) vanish(event);
        return PutStatus::stored;
    }

    [[nodiscard]] std::vector<std::string> query(const Filter& filter, std::int64_t now) const {
        std::vector<EventPtr> found;
        for (const EventPtr& event : events_) {
            if (event::has_expired(event->view(), now)) continue;
            if (event::matches(filter, event->view())) found.push_back(event);
        }
        std::sort(found.begin(), found.end(), comes_before);
        if (filter.limit && found.size() > *filter.limit) found.resize(*filter.limit);
        return json_of(std::move(found));
    }

  private:
    [[nodiscard]] bool contains(const event::Id& id) const {
        return std::any_of(events_.begin(), events_.end(),
                           [&id](const EventPtr& event) { return event->id() == id; });
    }
    static bool undeletable(const EventPtr& event) {
        return event->kind() == 5 || event->kind() == 62;
    }
    static bool is_wrap_for(const EventPtr& event, const PubKey& pubkey) {
        if (event->kind() != 1059) return false;
        for (const Tag& tag : event::tags_of(event->view())) {
            if (tag.size() >= 2 && tag[0] == "p" && tag[1] == to_hex(pubkey)) return true;
        }
        return false;
    }
    static bool is_at(const EventPtr& event, const Address& address) {
        if (event->kind() != address.kind || event->pubkey() != address.pubkey) return false;
        if (event::class_of(address.kind) == event::KindClass::replaceable) return true;
        return event->view().identifier() == address.identifier;
    }

    [[nodiscard]] bool is_gone(const EventPtr& event) const {
        for (const auto& [pubkey, until] : vanished_) {
            if (event->pubkey() == pubkey && event->created_at() <= until) return true;
        }
        for (const Gone& gone : gone_) {
            if (gone.id != event->id()) continue;
            if (is_wrap_for(event, gone.by)) return true;
            if (gone.by == event->pubkey() && !undeletable(event)) return true;
        }
        for (const auto& [text, until] : gone_addresses_) {
            if (is_at(event, *parse_address(text)) && event->created_at() <= until) return true;
        }
        return false;
    }
    [[nodiscard]] EventPtr version_at(const EventPtr& event) const {
        const auto kind_class = event::class_of(event->kind());
        const bool addressable = kind_class == event::KindClass::addressable;
        if (!addressable && kind_class != event::KindClass::replaceable) return nullptr;
        const std::string identifier(addressable ? event->view().identifier() : "");
        for (const EventPtr& other : events_) {
            if (is_at(other, {event->kind(), event->pubkey(), identifier})) return other;
        }
        return nullptr;
    }
    void remove_targets(const EventPtr& deletion) {
        const PubKey signer = deletion->pubkey();
        for (const Tag& tag : event::tags_of(deletion->view())) {
            if (tag.size() < 2) continue;
            if (tag[0] == "e") {
                const auto id = base::parse_hex<event::Id>(tag[1]);
                if (!id) continue;
                gone_.push_back({*id, signer});
                std::erase_if(events_, [&](const EventPtr& event) {
                    if (event->id() != *id || undeletable(event)) return false;
                    return event->pubkey() == signer || is_wrap_for(event, signer);
                });
            } else if (tag[0] == "a") {
                const auto address = parse_address(tag[1]);
                if (!address || address->pubkey != signer) continue;
                gone_addresses_.emplace_back(tag[1], deletion->created_at());
                std::erase_if(events_, [&](const EventPtr& event) {
                    return is_at(event, *address) && event->created_at() <= deletion->created_at();
                });
            }
        }
    }
    void vanish(const EventPtr& request) {
        if (!event::is_vanish_request_to(request->view(), {kOurUrl})) return;
        vanished_.emplace_back(request->pubkey(), request->created_at());
        std::erase_if(events_, [&](const EventPtr& event) {
            if (is_wrap_for(event, request->pubkey())) {
                gone_.push_back({event->id(), request->pubkey()});
                return true;
            }
            return event != request && event->pubkey() == request->pubkey() &&
                   event->created_at() <= request->created_at();
        });
    }

    std::vector<EventPtr> events_;
    std::vector<Gone> gone_;
    std::vector<std::pair<std::string, std::int64_t>> gone_addresses_;
    std::vector<std::pair<PubKey, std::int64_t>> vanished_;
};

// --- histories ---

// A run of batches, after which the store is closed or crashes.
struct Segment {
    std::vector<std::vector<EventPtr>> batches;
    std::int64_t now = kStart;  // while it runs
    bool crashes = false;
};
using History = std::vector<Segment>;

class HistoryMaker {
  public:
    explicit HistoryMaker(unsigned seed) : random_(seed) {
        for (const char* author : {"alice", "bob", "carol"}) {
            authors_.push_back(event::Keypair::from_seed(author));
        }
    }

    History make() {
        History history;
        for (auto segments = 1 + below(3); segments > 0; --segments) {
            Segment segment;
            segment.now = now_;
            segment.crashes = one_in(3);
            for (auto batches = 1 + below(6); batches > 0; --batches) {
                std::vector<EventPtr> batch;
                for (auto count = 1 + below(5); count > 0; --count) batch.push_back(next());
                segment.batches.push_back(std::move(batch));
            }
            history.push_back(std::move(segment));
            now_ += static_cast<std::int64_t>(below(3));
        }
        return history;
    }

  private:
    std::size_t below(std::size_t bound) { return random_() % bound; }
    bool one_in(std::size_t odds) { return below(odds) == 0; }
    template <class Value>
    Value pick(std::initializer_list<Value> values) {
        return *(values.begin() + below(values.size()));
    }

    EventPtr next() {
        // What has expired is refused before it comes to a store.
        if (!made_.empty() && one_in(5)) {
            const EventPtr& known = made_[below(made_.size())];
            if (!event::has_expired(known->view(), now_)) return known;
        }
        EventPtr event = sign();
        made_.push_back(event);
        // Its deletion may come before it.
        if (one_in(6)) {
            const EventPtr unseen = sign();
            made_.push_back(unseen);
            return event->kind() == 62 ? event : deletion_of({unseen, event});
        }
        return event;
    }
    const event::Keypair& author() { return authors_[below(authors_.size())]; }
    static std::string hex(const event::Keypair& key) { return to_hex(key.pubkey()); }

    EventPtr sign() {
        EventDraft draft;
        draft.created_at = 100 + static_cast<std::int64_t>(below(8));
        draft.kind = pick<Kind>({0, 1, 1, 3, 5, 5, 7, 1059, 10002, 30023, 30023, 62});
        draft.content = std::to_string(below(3));
        switch (draft.kind) {
            case 62:
                if (!one_in(3)) draft.kind = 1;
                draft.tags.push_back({"relay", pick<const char*>({kOurUrl, "ALL_RELAYS",
                                                                  "wss://elsewhere.example"})});
                break;
            case 5:
                if (!made_.empty()) return deletion_of(some_targets());
                break;
            case 1059:
                draft.tags.push_back({"p", hex(author())});
                break;
            case 30023:
                draft.tags.push_back({"d", pick<const char*>({"", "x"})});
                break;
            default:
                break;
        }
        if (draft.kind != 62 && one_in(8)) {
            draft.tags.push_back(
                {"expiration", std::to_string(now_ + 1 + static_cast<std::int64_t>(below(3)))});
        }
        return sign_event(author(), draft);
    }
    std::vector<EventPtr> some_targets() {
        std::vector<EventPtr> targets;
        for (auto count = 1 + below(3); count > 0; --count) {
            targets.push_back(made_[below(made_.size())]);
        }
        return targets;
    }
    EventPtr deletion_of(const std::vector<EventPtr>& targets) {
        EventDraft draft{100 + static_cast<std::int64_t>(below(8)), 5, {}, ""};
        for (const EventPtr& target : targets) {
            const auto kind_class = event::class_of(target->kind());
            const bool has_address = kind_class != event::KindClass::regular;
            if (has_address && one_in(2)) {
                const bool addressable = kind_class == event::KindClass::addressable;
                draft.tags.push_back(
                    {"a", std::to_string(target->kind()) + ":" + to_hex(target->pubkey()) + ":" +
                              std::string(addressable ? target->view().identifier() : "")});
            } else if (target->view().expiration() == 0 || !has_address) {
                // Whether an expired version still holds its place once it is deleted by its id
                // depends on whether it had been purged by then.
                draft.tags.push_back({"e", to_hex(target->id())});
            }
        }
        // Most are of an author who may, or of a recipient.
        if (one_in(4)) return sign_event(author(), draft);
        const EventPtr& target = targets.front();
        for (const event::Keypair& key : authors_) {
            const bool is_recipient = target->kind() == 1059 && !one_in(3) &&
                                      target->json().find(hex(key)) != std::string_view::npos &&
                                      key.pubkey() != target->pubkey();
            if (is_recipient) return sign_event(key, draft);
        }
        for (const event::Keypair& key : authors_) {
            if (key.pubkey() == target->pubkey()) return sign_event(key, draft);
        }
        return sign_event(author(), draft);
    }

    std::mt19937 random_;
    std::vector<event::Keypair> authors_;
    std::vector<EventPtr> made_;
    std::int64_t now_ = kStart;
};

// --- running them ---

using OpenStore =
    std::function<std::unique_ptr<EventStore>(const std::filesystem::path&, const base::Clock&)>;

std::string described(const EventPtr& event) { return std::string(event->json()) + "\n"; }

class Run {
  public:
    Run(const OpenStore& open, bool with_crashes) : open_(open), with_crashes_(with_crashes) {}

    // What went wrong, or nothing.
    std::optional<std::string> operator()(const History& history) {
        for (const Segment& segment : history) {
            clock_.set(segment.now);
            std::optional<std::string> fault =
                segment.crashes && with_crashes_ ? crash_after(segment) : close_after(segment);
            if (fault) return fault;
            const auto store = open_(folder_.path() / "store", clock_);
            fault = compare(*store, "after a restart");
            if (fault) return fault;
        }
        return std::nullopt;
    }

  private:
    std::optional<std::string> close_after(const Segment& segment) {
        const auto store = open_(folder_.path() / "store", clock_);
        for (const auto& batch : segment.batches) {
            std::string statuses;
            for (const PutResult& result : store->put(batch)) {
                statuses += static_cast<char>(result.status);
            }
            if (auto fault = compare_statuses(batch, statuses)) return fault;
            if (auto fault = compare(*store, "after a batch")) return fault;
        }
        return std::nullopt;
    }

    // In a process that ends without a word; it tells the statuses through a pipe.
    std::optional<std::string> crash_after(const Segment& segment) {
        std::array<int, 2> report{};
        if (::pipe(report.data()) != 0) return "no pipe";
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(report[0]);
            const auto store = open_(folder_.path() / "store", clock_);
            for (const auto& batch : segment.batches) {
                for (const PutResult& result : store->put(batch)) {
                    const char status = static_cast<char>(result.status);
                    if (::write(report[1], &status, 1) != 1) ::_exit(1);
                }
            }
            ::_exit(0);
        }
        ::close(report[1]);
        std::string statuses;
        std::array<char, 256> buffer{};
        for (ssize_t size = 0; (size = ::read(report[0], buffer.data(), buffer.size())) > 0;) {
            statuses.append(buffer.data(), static_cast<std::size_t>(size));
        }
        ::close(report[0]);
        int status = 0;
        if (::waitpid(child, &status, 0) != child || status != 0) return "the child failed";
        std::size_t at = 0;
        for (const auto& batch : segment.batches) {
            if (auto fault = compare_statuses(batch, statuses.substr(at, batch.size()))) {
                return fault;
            }
            at += batch.size();
        }
        return std::nullopt;
    }

    std::optional<std::string> compare_statuses(const std::vector<EventPtr>& batch,
                                                const std::string& statuses) {
        if (statuses.size() != batch.size()) return "not every event had a result";
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const auto expected = static_cast<char>(oracle_.put(batch[i]));
            if (statuses[i] == expected) continue;
            return "status " + std::to_string(statuses[i]) + " instead of " +
                   std::to_string(expected) + " for " + described(batch[i]);
        }
        return std::nullopt;
    }

    std::optional<std::string> compare(EventStore& store, const std::string& when) {
        std::vector<Filter> filters = {Filter(), kinds_filter({0, 3, 10002}), kinds_filter({5, 62}),
                                       tag_filter('d', {"", "x"}), kinds_filter({1059})};
        filters.push_back(Filter());
        filters.back().authors = {event::Keypair::from_seed("alice").pubkey()};
        filters.push_back(filters.back());
        filters.back().limit = 2;
        for (const Filter& filter : filters) {
            ScanOptions options;
            options.visibility = std::make_shared<const Unexpired>(clock_.unix_seconds());
            const auto scan = store.scan({filter}, options);
            ScanBudget budget;
            budget.max_rows = 3;
            const auto found = read_all(*scan, budget, [] {});
            const auto expected = oracle_.query(filter, clock_.unix_seconds());
            if (found == expected) continue;
            std::string text = when + ": found\n";
            for (const std::string& json : found) text += "  " + json + "\n";
            text += "instead of\n";
            for (const std::string& json : expected) text += "  " + json + "\n";
            return text;
        }
        return std::nullopt;
    }

    const OpenStore& open_;
    const bool with_crashes_;
    TemporaryFolder folder_;
    ManualClock clock_{kStart};
    Oracle oracle_;
};

// The history up to its `count`th event, one event a batch.
History prefix_of(const History& history, std::size_t count) {
    History result;
    for (const Segment& segment : history) {
        result.push_back({{}, segment.now, segment.crashes});
        for (const auto& batch : segment.batches) {
            for (const EventPtr& event : batch) {
                if (count == 0) return result;
                --count;
                result.back().batches.push_back({event});
            }
        }
    }
    return result;
}

std::size_t size_of(const History& history) {
    std::size_t size = 0;
    for (const Segment& segment : history) {
        for (const auto& batch : segment.batches) size += batch.size();
    }
    return size;
}

void expect_agreement(const OpenStore& open, bool with_crashes, unsigned first_seed,
                      unsigned histories) {
    for (unsigned seed = first_seed; seed < first_seed + histories; ++seed) {
        const History history = HistoryMaker(seed).make();
        std::optional<std::string> fault = Run(open, with_crashes)(history);
        if (!fault) continue;
        // The shortest part of it, from its beginning, that fails as well.
        std::string told = "the whole history";
        for (std::size_t count = 1; count <= size_of(history); ++count) {
            const History prefix = prefix_of(history, count);
            const auto earlier = Run(open, with_crashes)(prefix);
            if (!earlier) continue;
            fault = earlier;
            told = "its first " + std::to_string(count) + " events, one by one:\n";
            for (const Segment& segment : prefix) {
                told += "at " + std::to_string(segment.now) +
                        (segment.crashes ? ", then a crash:\n" : ":\n");
                for (const auto& batch : segment.batches) told += "  " + described(batch.front());
            }
            break;
        }
        FAIL() << "seed " << seed << ", " << told << "\n" << *fault;
    }
}

std::unique_ptr<EventStore> open_embedded(const std::filesystem::path& path,
                                          const base::Clock& clock) {
    store::EmbeddedOptions options;
    options.lmdb.path = path;
    options.lmdb.initial_map_bytes = std::uint64_t{512} << 10;
    options.lmdb.relay_urls = {kOurUrl};
    options.lmdb.clock = &clock;
    options.journal_file_bytes = 64 << 10;
    options.index_delay = std::chrono::milliseconds(1);
    options.index_batch_events = 4;
    options.upkeep_interval = std::chrono::milliseconds(1);
    return store::open_embedded_store(options);
}

std::unique_ptr<EventStore> open_lmdb(const std::filesystem::path& path, const base::Clock& clock) {
    store::LmdbOptions options;
    options.path = path;
    options.initial_map_bytes = std::uint64_t{512} << 10;
    options.relay_urls = {kOurUrl};
    options.clock = &clock;
    return store::open_lmdb_store(options);
}

// In parts, so that they run side by side.
TEST(ModelTest, TheEmbeddedStoreAgreesWithTheOracle) {
    expect_agreement(open_embedded, true, 0, 250);
}
TEST(ModelTest, TheEmbeddedStoreAgreesAgain) { expect_agreement(open_embedded, true, 250, 250); }
TEST(ModelTest, TheEmbeddedStoreAgreesOnceMore) { expect_agreement(open_embedded, true, 500, 250); }
TEST(ModelTest, TheEmbeddedStoreAgreesStill) { expect_agreement(open_embedded, true, 750, 250); }
TEST(ModelTest, TheLmdbStoreAgreesWithTheOracle) { expect_agreement(open_lmdb, true, 5000, 100); }

}  // namespace
}  // namespace parrhesia::test
