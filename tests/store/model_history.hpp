// Random histories over alphabets so small that ids, addresses and times collide all the time.
#pragma once

#include "parrhesia/event/visibility.hpp"

#include "store/model_oracle.hpp"

#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::test {

constexpr std::int64_t kModelStart = 1000;

// A run of batches, after which the store is closed or crashes.
struct Segment {
    std::vector<std::vector<EventPtr>> batches;
    std::int64_t now = kModelStart;  // while it runs
    bool crashes = false;
};
using History = std::vector<Segment>;

[[nodiscard]] inline std::string text_of(const std::vector<Filter>& filters) {
    std::string text;
    for (const Filter& filter : filters) {
        text += "[";
        for (const auto& id : filter.ids) text += " id " + to_hex(id);
        for (const auto& author : filter.authors) text += " author " + to_hex(author);
        for (const Kind kind : filter.kinds) text += " kind " + std::to_string(kind);
        for (const auto& tag : filter.tags) {
            for (const std::string& value : tag.values) text += " #" + (tag.name + (" " + value));
        }
        if (filter.since != 0) text += " since " + std::to_string(filter.since);
        if (filter.until < kModelStart) text += " until " + std::to_string(filter.until);
        if (filter.limit) text += " limit " + std::to_string(*filter.limit);
        text += " ]";
    }
    return text;
}

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

    // What to ask a store that has had the history, besides everything: one or two filters each.
    std::vector<std::vector<Filter>> make_queries() {
        std::vector<std::vector<Filter>> queries;
        for (int i = 0; i < 6; ++i) {
            queries.emplace_back();
            for (auto count = 1 + below(2); count > 0; --count) queries.back().push_back(filter());
        }
        return queries;
    }

  private:
    Filter filter() {
        Filter filter;
        if (one_in(4)) {
            for (int i = 0; i < 4; ++i) filter.ids.push_back(made_[below(made_.size())]->id());
        }
        if (one_in(3)) filter.authors.push_back(author().pubkey());
        if (one_in(2)) {
            for (int i = 0; i < 3; ++i) filter.kinds.push_back(kind());
        }
        if (one_in(6)) filter.tags.push_back({'p', {hex(author()), hex(author())}});
        if (one_in(6)) filter.tags.push_back({'d', {pick<const char*>({"", "x", "none"})}});
        if (one_in(6)) filter.tags.push_back({'e', {to_hex(made_[below(made_.size())]->id())}});
        if (one_in(3)) filter.since = 100 + static_cast<std::int64_t>(below(8));
        if (one_in(3)) filter.until = 100 + static_cast<std::int64_t>(below(8));
        if (one_in(2)) filter.limit = static_cast<std::uint32_t>(1 + below(4));
        filter.normalize();
        return filter;
    }
    Kind kind() { return pick<Kind>({0, 1, 1, 3, 5, 5, 7, 1059, 10002, 30023, 30023, 62}); }

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
        draft.kind = kind();
        draft.content = std::to_string(below(3));
        switch (draft.kind) {
            case 62:
                if (!one_in(3)) draft.kind = 1;
                draft.tags.push_back({"relay", pick<const char*>({kModelRelayUrl, "ALL_RELAYS",
                                                                  "wss://elsewhere.example"})});
                break;
            case 5:
                if (!made_.empty()) return deletion_of(some_targets());
                break;
            case 1059:
                draft.tags.push_back({"p", hex(author())});
                if (one_in(3)) draft.tags.push_back({"p", hex(author())});
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
    std::int64_t now_ = kModelStart;
};

}  // namespace parrhesia::test
